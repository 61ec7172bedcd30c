"""How long a failed attempt waits for the next, and when there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import spec_pb2
from fnq_worker.retry import LONGEST_WAIT_S, wait_s


def policy(
    attempts: int = 3,
    initial: float = 1.0,
    multiplier: float = 2.0,
    max_wait: float = 60.0,
    jitter: bool = False,
) -> spec_pb2.Retry:
    """Return what a spec says of `retries`."""
    return spec_pb2.Retry(
        attempts=attempts, initial=initial, multiplier=multiplier, max_wait=max_wait, jitter=jitter
    )


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        (policy(), [1.0, 2.0, 4.0, None]),
        (policy(attempts=0), [None, None]),
        (policy(max_wait=3.0), [1.0, 2.0, 3.0, None]),
        (policy(multiplier=1.0, initial=0.5, max_wait=0.5), [0.5, 0.5, 0.5, None]),
        (policy(initial=0.0), [0.0, 0.0, 0.0, None]),
        (policy(initial=9.0, max_wait=0.0), [0.0, 0.0, 0.0, None]),
        (policy(multiplier=1e308, attempts=4), [1.0, 60.0, 60.0, 60.0, None]),
        (policy(initial=1e300, max_wait=1e300), [LONGEST_WAIT_S] * 3),
    ],
)
def test_each_wait_is_longer_up_to_the_most(
    retry: spec_pb2.Retry, waits: list[float | None]
) -> None:
    """One execution, and `attempts` after it."""
    assert [wait_s(retry, attempt, 0.3) for attempt in range(len(waits))] == waits


@pytest.mark.parametrize(("draw", "wait"), [(0.0, 1.0), (0.5, 2.0), (1.0, 3.0)])
def test_jitter_is_half_the_wait_to_either_side(draw: float, wait: float) -> None:
    """So that calls which failed together do not come back together."""
    assert wait_s(policy(jitter=True), 1, draw) == wait


@pytest.mark.parametrize(
    ("left_s", "wait"), [(None, 2.0), (2.5, 2.0), (2.0, None), (0.0, None), (-1.0, None)]
)
def test_an_attempt_after_the_deadline_is_none(left_s: float | None, wait: float | None) -> None:
    """The last failure is told at once."""
    assert wait_s(policy(), 1, 0.0, left_s) == wait


@given(
    retry=st.builds(
        policy,
        attempts=st.integers(0, 10_000),
        initial=st.floats(0, 1e308),
        multiplier=st.floats(1, 1e308),
        max_wait=st.floats(0, 1e308),
        jitter=st.booleans(),
    ),
    attempt=st.integers(0, 10_001),
    draw=st.floats(0, 1),
    left_s=st.none() | st.floats(-10, 1e6),
)
def test_a_wait_is_never_above_the_most_nor_beyond_the_deadline(
    retry: spec_pb2.Retry, attempt: int, draw: float, left_s: float | None
) -> None:
    """Nor below zero, whatever the numbers; and no attempt follows the last."""
    wait = wait_s(retry, attempt, draw, left_s)
    if attempt >= retry.attempts:
        assert wait is None
    if wait is not None:
        assert 0 <= wait <= min(retry.max_wait, LONGEST_WAIT_S)
        assert left_s is None or wait < left_s
    elif left_s is None:
        assert attempt >= retry.attempts


@given(
    initial=st.floats(0.001, 1e6),
    multiplier=st.floats(1, 10),
    attempt=st.integers(0, 50),
    draw=st.floats(0, 1),
)
def test_jitter_keeps_within_half_and_one_and_a_half(
    initial: float, multiplier: float, attempt: int, draw: float
) -> None:
    """Of the wait that there would be without."""
    many, most = 100, 1e7
    plain = wait_s(policy(many, initial, multiplier, most), attempt, draw)
    varied = wait_s(policy(many, initial, multiplier, most, jitter=True), attempt, draw)
    assert plain is not None
    assert varied is not None
    assert plain * 0.499 <= varied <= min(most, plain * 1.501)
