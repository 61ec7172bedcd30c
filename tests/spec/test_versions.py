"""Versions of a function: several at once, a way back, and an end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fnq_core.kinds import kind_of
from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines, run

pytestmark = pytest.mark.spec

SOURCE = (PROGRAMS / "versioned.py").read_text("utf-8")
#: Calls that wait while their function is deployed anew.
MANY = 1_000


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write the program with another name of the function, and another answer."""

    def written(name: str, answer: int, *changes: tuple[str, str]) -> Path:
        text = SOURCE.replace("versioned", name).replace("ANSWER = 1", f"ANSWER = {answer}")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "versioned.py"
        path.write_text(text, "utf-8")
        return path

    return written


def function(stack: Stack, *words: str) -> Any:
    """Run `fnq function`, which must succeed, and return the JSON that it prints."""
    done = stack.fnq("function", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def versions(stack: Stack, name: str) -> list[dict[str, Any]]:
    """Return what `fnq function versions` says, the newest first."""
    found: list[dict[str, Any]] = function(stack, "versions", name)
    return found


@pytest.mark.machine
def test_calls_end_on_the_version_that_they_were_made_on(
    stack: Stack, tmp_path: Path, write: Callable[..., Path]
) -> None:
    """A thousand that wait and run while the source changes: none is lost, none is another's.

    Both versions have as many workers as they may; the old one's end when its calls have.
    """
    gate, several = tmp_path / "open", ("function\n", "function(max_replicas=2)\n")
    [ids] = lines(stack, write("redeployed", 1, several), "spawn", str(gate), str(MANY))
    script = write("redeployed", 2, several)
    assert lines(stack, script, "versions") == ["2 current, 1 draining, 2"]
    new, old = versions(stack, "redeployed")
    assert (old["number"], old["queued"] + old["running"]) == (1, MANY)
    [later] = lines(stack, script, "spawn", str(gate), str(MANY // 10))

    def workers() -> Counter[str]:
        found = stack.processes("worker", "redeployed")
        return Counter(each["version"] for each in found if each["state"] == "ready")

    wait_until("both scale", lambda: workers() == {old["version"]: 2, new["version"]: 2})
    gate.touch()
    assert lines(stack, script, "answers", *ids.split()) == [f"1 {MANY}"]
    assert lines(stack, script, "answers", *later.split()) == [f"2 {MANY // 10}"]
    wait_until(
        "the queue of the old version drains",
        lambda: not any(each["queued"] + each["running"] for each in versions(stack, "redeployed")),
    )
    wait_until("the old one's workers end", lambda: workers() == {new["version"]: 2})


def test_a_version_that_was_live_becomes_current_again_at_once(
    stack: Stack, write: Callable[..., Path]
) -> None:
    """By a rollback, for those who call by name; and by running the old source again."""
    lines(stack, write("returned", 1), "versions")
    assert lines(stack, write("returned", 2), "back") == [
        "2 2 2 1 1 UTC",
        "'returned' has no version 9 that was ever live; those that were: 1, 2",
    ]
    assert [each["state"] for each in versions(stack, "returned")] == ["draining", "current"]
    done = stack.fnq("function", "rollback", "returned", "2")
    assert done.stdout == "returned: version 2 is current\n"
    told = lines(stack, write("returned", 1), "versions")
    assert told == ["2 draining, 1 current, 1"]
    assert len({each["version"] for each in versions(stack, "returned")}) == 2


@pytest.mark.machine
def test_a_deleted_function_leaves_nothing_once_its_calls_have_ended(
    stack: Stack, tmp_path: Path, write: Callable[..., Path]
) -> None:
    """What waits ends with NotFoundError, what runs finishes; then keys and workers are gone."""
    gate, script = tmp_path / "open", write("removed", 1)
    with stack.redis() as redis:
        before = set(redis.names())
        [ids] = lines(stack, script, "spawn", str(gate), "3")
        wait_until("one call runs", lambda: versions(stack, "removed")[0]["running"])
        [identity] = {each["version"] for each in versions(stack, "removed")}
        refused = stack.fnq("function", "delete", "removed")
        assert refused.returncode == 1
        assert "say --yes" in refused.stderr
        done = stack.fnq("function", "delete", "removed", "--yes")
        assert done.returncode == 0, done.stderr
        gone = stack.fnq("function", "show", "removed")
        assert "no function 'removed'" in gone.stderr
        gate.touch()
        fates = [run(stack, "fate.py", each).stdout for each in ids.split()]
        assert fates[0] == "1\n"
        assert set(fates[1:]) <= {"1\n", "NotFoundError its function was deleted while it waited\n"}
        wait_until("its workers end", lambda: not stack.processes("worker", "removed"))

        def left() -> list[str]:
            ours = [name for name in set(redis.names()) - before if is_of(name)]
            return [name for name in ours if kind_of(name).noun != "kept"]

        def is_of(name: str) -> bool:
            return identity in name or "removed" in name or "fnq:bundle" in name

        wait_until("its keys are gone", lambda: not left())
    assert lines(stack, script, "versions") == ["1 current, 1"]


def test_functions_are_listed_and_shown(stack: Stack, write: Callable[..., Path]) -> None:
    """With the version that stands for each, and what its source asked for."""
    lines(stack, write("listed", 1), "versions")
    [found] = [each for each in function(stack, "list") if each["function"] == "listed"]
    assert (found["number"], found["state"], found["versions"]) == (1, "current", 1)
    shown = function(stack, "show", "listed")
    assert shown["signature"] == "listed(gate: string) -> int64"
    assert shown["replicas"] == "0 to 1"
    assert "listed(gate: string) -> int64" in stack.fnq("function", "show", "listed").stdout
    assert "listed" in stack.fnq("function", "list").stdout


def test_a_change_that_breaks_callers_is_warned_of(
    stack: Stack, write: Callable[..., Path]
) -> None:
    """With both signatures, once; a change that breaks none is not mentioned."""
    lines(stack, write("renamed", 1), "versions")
    fine = run(stack, write("renamed", 2), "versions")
    assert "renamed changes from" not in fine.stderr
    changed = (("def renamed(gate: str)", "def renamed(door: str)"), ("gate", "door"))
    told = run(stack, write("renamed", 3, *changed), "versions")
    assert told.returncode == 0, told.stderr
    warning = "[fnq] renamed changes from renamed(gate: string) -> int64 to renamed(door: string)"
    assert told.stderr.count(warning) == 1
    assert "no call waits" in told.stderr
