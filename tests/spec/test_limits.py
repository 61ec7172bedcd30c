"""Functions that name a limit."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines, run

pytestmark = pytest.mark.spec

#: Seconds between which eleven calls begin, at ten in a second.
EARLY_S, LATE_S = 0.9, 1.3


def limit(stack: Stack, *words: str) -> str:
    """Run `fnq limit`, which must succeed, and return what it prints."""
    done = stack.fnq("limit", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def state(stack: Stack, key: str) -> dict[str, Any]:
    """Return what `fnq limit show` says of a limit."""
    found: dict[str, Any] = json.loads(limit(stack, "show", key, "--json"))
    return found


@contextmanager
def policy(stack: Stack, key: str, *words: str) -> Iterator[None]:
    """Have a limit as long as the block runs."""
    limit(stack, "set", key, *words)
    try:
        yield
    finally:
        limit(stack, "delete", key)


def spans(printed: list[str]) -> dict[str, float]:
    """Return by its name how many seconds each thing took."""
    return {name: float(seconds) for name, seconds in (each.split() for each in printed)}


def test_a_cap_and_a_rate_hold_calls_back_before_they_take_a_worker(stack: Stack) -> None:
    """Two at once, and ten in a second, of calls, of rows and of the items of batches."""
    cap, rate = ("--max-concurrency", "2"), ("--rate", "10/s")
    with policy(stack, "spec-cap", *cap), policy(stack, "spec-rate", *rate):
        most, *printed = lines(stack, "limited.py")
        assert most == "at once 2"
        # The eleventh has its permit a second after the first.
        took = spans(printed)
        assert set(took) == {"calls", "rows", "items"}
        assert min(took.values()) >= EARLY_S
        assert [each["limit"] for each in json.loads(limit(stack, "list", "--json"))] == [
            "spec-cap",
            "spec-rate",
        ]


@pytest.mark.timed
def test_what_a_rate_holds_back_begins_as_soon_as_it_may(stack: Stack) -> None:
    """Eleven at ten a second take a second and not much more."""
    with policy(stack, "spec-rate", "--rate", "10/s"):
        _, *printed = lines(stack, "limited.py")
    assert {what: span for what, span in spans(printed).items() if span > LATE_S} == {}


def test_a_rate_counts_the_rows_of_a_map(stack: Stack) -> None:
    """They travel one by one."""
    with policy(stack, "spec-rate", "--rate", "10/s"):
        assert spans(lines(stack, "limited.py", "rows"))["rows"] >= EARLY_S


def test_a_call_that_waits_says_for_which_limit_and_goes_on_when_that_goes(stack: Stack) -> None:
    """It is shown there, by `fnq calls why` and in the status."""

    def shared() -> dict[str, Any]:
        found = state(stack, "spec-cap")
        return found if (found["running"], found["waiting"]) == (1, 1) else {}

    with (
        policy(stack, "spec-cap", "--max-concurrency", "1"),
        stack.start(PROGRAMS / "limited.py", "30") as script,
    ):
        found = wait_until("one runs and one waits", shared)
        assert (found["max_concurrency"], found["rate"]) == (1, None)
        why = stack.fnq("calls", "why", found["calls"][0]).stdout
        assert why == (
            "it waits for a permit of the rate limit spec-cap: 1 at once; 1 run, 1 wait\n"
        )
        functions = {each["name"]: each for each in stack.status()["functions"]}
        assert functions["limited_nap"]["limit"] == "spec-cap: 1 at once; 1 run, 1 wait"
        limit(stack, "delete", "spec-cap")
        limit(stack, "set", "spec-cap", "--max-concurrency", "3")
        wait_until("nobody waits", lambda: state(stack, "spec-cap")["waiting"] == 0)
        # As Ctrl-C: what it called ends with it, and asks for no worker any more.
        script.send_signal(signal.SIGINT)
        script.communicate(timeout=10)


def test_a_limit_without_a_policy_limits_nothing_and_the_deploy_says_so(stack: Stack) -> None:
    """In one line for each function, with the remedy."""
    done = run(stack, "limited.py", "0")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "has no policy" in line]
    assert said == [
        f"[fnq] {name}: the rate limit {key!r} has no policy, so nothing is limited; "
        f"set one: fnq limit set {key} --rate 100/m"
        for name, key in (
            ("limited_nap", "spec-cap"),
            ("limited_tick", "spec-rate"),
            ("limited_batch", "spec-rate"),
        )
    ]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("set", "k"), "a limit needs a cap, a rate, or both"),
        (("set", "k", "--rate", "10"), "expected a rate like 10/s"),
        (("set", "k", "--max-concurrency", "0"), "expected a number above 0"),
        (("set", "k", "--max-concurrency", "2", "--burst", "2"), "a burst is of a rate"),
        (("set", "", "--rate", "1/s"), "expected at most 128 letters, digits"),
        (("set", "a b", "--rate", "1/s"), "no function could name it"),
        (("show", "k"), "no limit 'k' in namespace"),
        (("delete", "k"), "no limit 'k' in namespace"),
    ],
)
def test_bad_input_is_refused_with_what_was_expected(
    stack: Stack, words: tuple[str, ...], problem: str
) -> None:
    """And the exit code is not 0."""
    done = stack.fnq("limit", *words)
    assert done.returncode in (1, 2)
    assert problem in done.stderr
