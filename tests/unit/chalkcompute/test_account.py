"""What is told of a deploy, line by line; the clock is an argument."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chalkcompute.account import SHOWN_LINES, Account, Line, Row

STEP = "image: step 2/3 pip install cowsay==6.1"


def texts(lines: list[Line]) -> list[str]:
    """Return what the lines say."""
    return [line.text for line in lines]


def test_nothing_is_told_before_it_is_worth_it() -> None:
    """What is over soon leaves no line; what goes on is told as it stands then."""
    account = Account("deploying embed", 0.0)
    assert account.hear("embed", "image: step 1/3 base", "", 0.1) == []
    assert account.hear("embed", STEP, "", 0.2) == []
    assert texts(account.open()) == [f"[fnq] embed: {STEP}"]
    assert Account("deploying embed", 0.0).end(0.1, failed=False) == []


def test_a_step_is_told_once_however_often_it_is_heard_and_whatever_it_prints() -> None:
    """Output is folded; a step of no one function has no name before it."""
    account = Account("", 0.0)
    account.open()
    assert texts(account.hear("embed", STEP, "", 1.0)) == [f"[fnq] embed: {STEP}"]
    assert account.hear("embed", STEP, "Collecting cowsay", 2.0) == []
    assert account.hear("embed", STEP, "", 3.0) == []
    assert texts(account.hear("", "waiting for Redis", "", 3.0)) == ["[fnq] waiting for Redis"]


def test_a_build_that_succeeds_leaves_one_line_with_its_seconds() -> None:
    """It is over when another step begins, or with all the rest; all its steps count."""
    account = Account("", 0.0)
    account.open()
    account.hear("embed", "image: step 1/2 base", "", 1.0)
    account.hear("embed", "image: step 2/2 pip", "", 5.0)
    account.hear("other", "image: step 1/1 base", "", 5.0)
    told = account.hear("embed", "its worker starts", "", 13.34)
    assert told == [
        Line("[fnq] embed: image built in 12.3 s", lasting=True),
        Line("[fnq] embed: its worker starts"),
    ]
    assert account.end(15.0, failed=False) == [
        Line("[fnq] other: image built in 10.0 s", lasting=True)
    ]


def test_a_build_that_fails_leaves_its_step_and_last_lines() -> None:
    """As many as a terminal shows; steps that printed nothing leave nothing."""
    account = Account("", 0.0)
    account.open()
    account.hear("quiet", "its worker starts", "", 1.0)
    for number in range(SHOWN_LINES + 3):
        account.hear("embed", STEP, f"line {number}", 1.0)
    told = account.end(2.0, failed=True)
    assert all(line.lasting for line in told)
    assert texts(told)[:2] == [f"[fnq] embed: {STEP}", "[fnq]   line 3"]
    assert len(told) == SHOWN_LINES + 1


def test_a_terminal_shows_steps_with_their_seconds_and_output() -> None:
    """Before the first step it shows what this is about."""
    account = Account("deploying embed", 1.0)
    assert account.rows(2.5) == [Row("", "deploying embed", 1.5)]
    account.hear("embed", STEP, "Collecting cowsay", 3.0)
    assert account.rows(4.0) == [Row("embed", STEP, 1.0, ("Collecting cowsay",))]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["image: x", "image: y", "z"]))),
    st.integers(0, 20),
)
def test_no_line_says_what_the_one_before_it_of_its_function_said(
    heard: list[tuple[str, str]], opened: int
) -> None:
    """Whatever is heard in whatever order, and whenever it is worth telling."""
    account = Account("", 0.0)
    told: list[str] = []
    for number, (function, step) in enumerate(heard):
        if number == opened:
            told += texts(account.open())
        told += texts(account.hear(function, step, "", float(number)))
    for function in "ab":
        mine = [line for line in told if line.startswith(f"[fnq] {function}:")]
        assert all(one != other for one, other in itertools.pairwise(mine))
