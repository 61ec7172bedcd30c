"""Running a script deploys it; other scripts call by name."""

from __future__ import annotations

import json
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


#: Functions of one set; what `half_two` imports is missing where workers run.
HALF = """
import os
import chalkcompute
if 'HERE' not in os.environ:
    import no_such_module

@chalkcompute.function
def half_one():
    return VERSION

@chalkcompute.function
def half_two():
    return no_such_module.value

"""


@pytest.mark.parametrize("use", ["", "half_one()"])
def test_an_import_that_fails_in_a_worker_fails_the_deploy_of_the_set(
    stack: Stack, tmp_path: Path, use: str
) -> None:
    """With the missing name, the line and the traceback; what was current stays so."""
    good = HALF.replace("no_such_module", "math").replace("math.value", "math.pi")
    script = tmp_path / "half.py"
    script.write_text(good.replace("VERSION", "'good'"), "utf-8")
    assert lines(stack, script) == []
    before = {each: number(stack, each) for each in ("half_one", "half_two")}
    script.write_text(HALF.replace("VERSION", "'bad'") + use, "utf-8")
    done = run(stack, script, env={"HERE": "1"})
    assert (done.returncode, done.stdout) == (1, "")
    said = (
        "half_two was not deployed: its import failed: ModuleNotFoundError: No module named "
        "'no_such_module' (half.py, line 5); install 'no_such_module' where the workers run"
    )
    assert done.stderr.count(said) == 1
    assert "import no_such_module" in done.stderr
    assert {each: number(stack, each) for each in before} == before
    (newest, *_) = json.loads(stack.fnq("function", "versions", "half_two", "--json").stdout)
    assert newest["state"] == "failed"
    assert "No module named 'no_such_module'" in newest["failure"]
    other = tmp_path / "other.py"
    other.write_text(
        "from chalkcompute import RemoteFunction\nprint(RemoteFunction.from_name('half_one')())\n"
    )
    assert lines(stack, other) == ["good"]


#: A function whose process ends while it imports it, where workers run.
ENDS = """
import os
import chalkcompute

class Licence:
    def __init__(self):
        if "HERE" not in os.environ:
            print("no licence", flush=True)
            os._exit(9)

LICENCE = Licence()

@chalkcompute.function
def ends():
    return id(LICENCE)
"""
#: A function whose volume would lie over what the system has.
ASTRAY = """
import chalkcompute

@chalkcompute.function(volumes=[(chalkcompute.Volume("astray"), "/proc/data")])
def astray():
    return 1

astray()
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            ENDS,
            [
                "ends was not deployed: its process dies whenever it imports the function: ",
                "it exited with code 9; correct that, and deploy again\nno licence\n",
            ],
        ),
        (ASTRAY, ["Volume(name='astray'): expected a directory of its own such as \"/data\""]),
    ],
    ids=["crash", "path"],
)
def test_what_can_never_run_fails_the_script_that_deploys_it(
    stack: Stack, tmp_path: Path, source: str, said: list[str]
) -> None:
    """A replica that crashes at its start, with its last words; a path outside of a volume."""
    script = tmp_path / "never.py"
    script.write_text(source, "utf-8")
    done = run(stack, script, env={"HERE": "1"})
    assert (done.returncode, done.stdout) == (1, "")
    for words in said:
        assert words in done.stderr


def ready(stack: Stack, function: str) -> list[dict[str, object]]:
    """Return the workers of a function that can serve calls."""
    return [each for each in stack.processes("worker", function) if each["state"] == "ready"]


def number(stack: Stack, function: str) -> int:
    """Return the number of the current version of a function."""
    (found,) = (each for each in stack.status()["functions"] if each["name"] == function)
    current: int = found["number"]
    return current
