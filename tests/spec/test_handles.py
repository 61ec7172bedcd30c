"""Calls that outlive their callers."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines, run

pytestmark = pytest.mark.spec


def test_a_call_is_spawned_and_waited_for_in_every_way(stack: Stack) -> None:
    """One at a time, together, as they end, in a loop of its own; failures are raised."""
    assert lines(stack, "handles.py", "basics") == [
        "True 8 8",
        "True succeeded handles-double",
        "[0, 2, 4, 6]",
        "[0, 2, 4]",
        "0.5",
        "RemoteError",
        "ZeroDivisionError: division by zero handles-divide",
        "[0, 2, 4]",
    ]


def test_a_generator_is_read_by_many_from_any_position(stack: Stack) -> None:
    """Leaving one reader leaves the call and the others alone."""
    assert lines(stack, "handles.py", "streams") == ["2 True [297, 298, 299]", "[299] 299 True"]


@pytest.mark.timed
def test_a_call_is_cancelled_from_anywhere(stack: Stack) -> None:
    """Waiting or running, its end is there within a quarter of a second."""
    assert lines(stack, "handles.py", "cancels") == [
        "queued 0 ['it naps']",
        "True True False cancelled",
        "True True False cancelled",
        "rested",
    ]


def test_one_idempotency_key_is_one_call(stack: Stack) -> None:
    """With other arguments it is a ValueError; tags are seen where the call is."""
    assert lines(stack, "handles.py", "keys") == [
        "True KeyConflictError ValueError rested",
        "{'who': 'me'} NotDoneError TimeoutError",
    ]


def test_what_has_expired_is_told_from_what_never_was(stack: Stack) -> None:
    """Both are LookupErrors; what is no id is a ValueError."""
    assert lines(stack, "handles.py", "lifetimes") == [
        "1 NotFoundError LookupError ValueError ValueError",
        "ResultExpiredError LookupError True ResultExpiredError LookupError",
        "ResultExpiredError LookupError",
    ]


def test_calls_are_spawned_inside_of_calls(stack: Stack) -> None:
    """They outlive the call that made them, sync and async alike."""
    assert lines(stack, "handles.py", "nested") == [
        "[6, 8] succeeded rested",
        "[10, 10, 0, 1, 2, 10]",
    ]


def test_another_process_fetches_a_result_by_its_id(stack: Stack) -> None:
    """Without the code of the function, after its caller has gone."""
    [ids] = lines(stack, "handles.py", "spawn")
    assert lines(stack, "fetch.py", *ids.split()) == [
        "handles-double 42",
        "handles-count [0, 1, 2, 3, 4]",
    ]


def test_the_end_of_a_script_sends_what_it_spawned(stack: Stack) -> None:
    """It waits for no result, and nothing is lost."""
    [last] = lines(stack, "handles.py", "leave")
    assert lines(stack, "fetch.py", last) == ["handles-double 998"]


def test_a_script_without_a_server_says_what_it_could_not_send(stack: Stack) -> None:
    """Its exit code tells, too."""
    done = run(stack, "handles.py", "spawn", env={"FNQ_ADDR": "127.0.0.1:9"})
    assert done.returncode == 1
    assert "no server answers" in done.stderr
