"""Whether a call of which nothing is kept was ever made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_server.fates import Traces, missing
from fnq_wire import callid

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def an_id(age_ms: int, session: int = 7) -> bytes:
    """Return the id of a call that was made so long ago."""
    return callid.make(NOW_MS - age_ms, "abc", session, 1)


@pytest.mark.parametrize(
    ("call", "traces", "error"),
    [
        pytest.param(
            an_id(2 * DAY_MS), Traces(NOW_MS, 10, [DAY_MS], 0), "ResultExpiredError", id="old"
        ),
        pytest.param(
            an_id(1000), Traces(NOW_MS, 10, [DAY_MS], 0), "NotFoundError", id="would still be kept"
        ),
        pytest.param(
            an_id(2 * DAY_MS, 11), Traces(NOW_MS, 10, [DAY_MS], 0), "NotFoundError", id="no session"
        ),
        pytest.param(
            an_id(2 * DAY_MS, 0), Traces(NOW_MS, 10, [DAY_MS], 0), "NotFoundError", id="session 0"
        ),
        pytest.param(
            an_id(2 * DAY_MS), Traces(NOW_MS, 10, [], 0), "NotFoundError", id="no such function"
        ),
        pytest.param(
            an_id(-60_000), Traces(NOW_MS, 10, [1], 0), "NotFoundError", id="from the future"
        ),
        pytest.param(
            an_id(2 * DAY_MS),
            Traces(NOW_MS, 10, [DAY_MS], NOW_MS - 2 * DAY_MS),
            "NotFoundError",
            id="its neighbours are kept ever since",
        ),
        pytest.param(
            an_id(3 * DAY_MS),
            Traces(NOW_MS, 10, [DAY_MS], NOW_MS - DAY_MS),
            "ResultExpiredError",
            id="a neighbour ended late",
        ),
        pytest.param(
            an_id(5_000), Traces(NOW_MS, 10, [DAY_MS, 1_000], 0), "ResultExpiredError", id="least"
        ),
    ],
)
def test_what_is_told_of_a_call_of_which_nothing_is_kept(
    call: bytes, traces: Traces, error: str
) -> None:
    """Expired, if it may have had its time; else it never was."""
    found = missing(call, traces)
    assert (found.error, callid.text(call) in found.message) == (error, True)


@given(
    age_ms=st.integers(-DAY_MS, 10 * DAY_MS),
    session=st.integers(1, 20),
    ttl_ms=st.integers(1, 2 * DAY_MS),
)
def test_nothing_that_would_still_be_kept_is_called_expired(
    age_ms: int, session: int, ttl_ms: int
) -> None:
    """And whatever a granted session can have made long ago may have expired."""
    found = missing(an_id(age_ms, session), Traces(NOW_MS, 10, [ttl_ms], 0))
    expired = age_ms > ttl_ms and session <= 10
    assert (found.error == "ResultExpiredError") == expired
