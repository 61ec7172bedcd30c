"""Running a script deploys it; other scripts call by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines, run

pytestmark = pytest.mark.spec


def test_a_function_is_called_by_name_from_another_script(stack: Stack) -> None:
    """The first script only decorates; running it is enough, and nothing is deployed twice."""
    assert lines(stack, "deployed.py") == []
    for env in ({}, {"FNQ_DEPLOY": "never"}):
        assert lines(stack, "by_name.py", env=env) == [
            "4 12 3 1",
            "['item 0', 'item 1', 'item 2'] ['item 0', 'item 1']",
            "shop.price() got an unexpected keyword argument 'amount'",
        ]


def test_the_replicas_asked_for_start_before_anybody_calls(stack: Stack) -> None:
    """min_replicas=2: two workers come up by themselves, and serve."""
    assert lines(stack, "deployed.py") == []
    wait_until("two workers of pair", lambda: len(ready(stack, "pair")) == 2)
    assert {each["replica"] for each in ready(stack, "pair")} == {0, 1}
    assert lines(stack, "deployed.py", "7") == ["7"]
    assert len(ready(stack, "pair")) == 2


def test_changed_source_is_a_new_version_and_the_same_source_is_not(
    stack: Stack, tmp_path: Path
) -> None:
    """By name the latest is called, by number the one of that number."""
    source = (PROGRAMS / "deployed.py").read_text("utf-8").replace("shop.price", "dear.price")
    caller = (PROGRAMS / "by_name.py").read_text("utf-8").replace("shop.price", "dear.price")
    (tmp_path / "by_name.py").write_text(caller, "utf-8")
    numbers: list[int] = []
    # Deployed at its end, by a call in the middle, and at its end again.
    for text, words in (
        (source, []),
        (source, ["7"]),
        (source.replace("* count", "* count * 100"), []),
    ):
        (tmp_path / "deployed.py").write_text(text, "utf-8")
        assert lines(stack, tmp_path / "deployed.py", *words) == words
        numbers.append(number(stack, "dear.price"))
    assert numbers == [1, 1, 2]
    assert lines(stack, tmp_path / "by_name.py")[0] == "400 1200 300 1"


def test_a_nested_call_goes_to_the_set_that_its_call_was_made_in(
    stack: Stack, tmp_path: Path
) -> None:
    """The same source in two environments shares a version of what calls, not of what is called."""
    script = tmp_path / "chain.py"
    script.write_text(
        """
import os
import chalkcompute

@chalkcompute.function(env={"WHO": os.environ.get("WHO", "")})
def inner_of_set() -> str:
    return os.environ["WHO"]

@chalkcompute.function
def middle_of_set() -> str:
    return inner_of_set()

@chalkcompute.function
async def outer_of_set() -> str:
    return middle_of_set() + " " + chalkcompute.RemoteFunction.from_name("middle_of_set")()

print(outer_of_set(), middle_of_set(), chalkcompute.RemoteFunction.from_name("outer_of_set")())
""",
        "utf-8",
    )
    for who in ("ann", "bob", "ann"):
        assert lines(stack, script, env={"WHO": who}) == [" ".join([who] * 5)]
        assert (number(stack, "outer_of_set"), number(stack, "middle_of_set")) == (1, 1)
    assert number(stack, "inner_of_set") == 1


def test_a_deploy_that_fails_at_the_end_of_a_script_makes_its_exit_code_1(
    stack: Stack, tmp_path: Path
) -> None:
    """The reason is on stderr, with the line."""
    script = tmp_path / "broken.py"
    script.write_text(
        "import chalkcompute\n\nwith open(__file__) as opened:\n    first = opened.readline()\n\n"
        "@chalkcompute.function\ndef f():\n    return opened.read()\n",
        "utf-8",
    )
    done = run(stack, script)
    assert (done.returncode, done.stdout) == (1, "")
    assert "broken.py:3" in done.stderr
    assert "'opened'" in done.stderr


def ready(stack: Stack, function: str) -> list[dict[str, object]]:
    """Return the workers of a function that can serve calls."""
    return [each for each in stack.processes("worker", function) if each["state"] == "ready"]


def number(stack: Stack, function: str) -> int:
    """Return the number of the current version of a function."""
    (found,) = (each for each in stack.status()["functions"] if each["name"] == function)
    current: int = found["number"]
    return current
