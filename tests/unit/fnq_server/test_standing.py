"""What holds a call, in words."""

from __future__ import annotations

import pytest

from fnq_core.inventory import MOST_AHEAD
from fnq_server.readiness import Readiness
from fnq_server.standing import Facts, no_worker, state, why

READY = Readiness("ready")
WAITING = Readiness("waiting", "no worker has started yet")
FULL = ", as many as max_replicas=1 and concurrency=1 allow"
FULL_HOUSE = ", as many as max_replicas=2 and concurrency=4 allow"


@pytest.mark.parametrize(
    ("held", "running", "due_s", "expected"),
    [
        (False, False, None, "queued"),
        (True, False, None, "queued"),
        (True, True, None, "running"),
        (True, False, 2.0, "retrying"),
        (False, True, None, "queued"),
    ],
)
def test_a_state_is_told_from_who_has_the_call(
    held: bool, running: bool, due_s: float | None, expected: str
) -> None:
    """A worker that still names a call whose lease lapsed does not run it."""
    assert state(held, running, due_s) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            Facts(True, READY, running_s=1.26, replica=2),
            "it runs on worker 2 since 1.3 s",
        ),
        (
            Facts(True, READY, attempt=1, running_s=1.0),
            "it runs on worker 0 since 1.0 s, attempt 2",
        ),
        (
            Facts(True, READY, attempt=1, due_s=3.0, limit="k"),
            "it waits 3.0 s for attempt 2: the last one failed",
        ),
        (
            Facts(True, READY, limit="api: 8 at once; 8 run, 3 wait"),
            "it waits for a permit of the rate limit api: 8 at once; 8 run, 3 wait",
        ),
        (
            Facts(False, Readiness("failed", "No module named 'x'")),
            "no worker takes calls: No module named 'x'",
        ),
        (
            Facts(False, READY, ahead=1, workers=2, busy=1, most=2),
            "1 call waits before it: 2 workers run 1 call now",
        ),
        (
            Facts(False, READY, ahead=1, workers=1, busy=1, most=2),
            "1 call waits before it: 1 worker runs 1 call now",
        ),
        (
            Facts(False, READY, ahead=1, workers=2, busy=8, slots=4, most=2),
            f"1 call waits before it: 2 workers run 8 calls now{FULL_HOUSE}",
        ),
        (
            Facts(False, READY, ahead=MOST_AHEAD, workers=1, busy=1),
            f"{MOST_AHEAD} or more calls wait before it: 1 worker runs 1 call now{FULL}",
        ),
        (
            Facts(True, READY, buffer_s=0.5, waited_s=0.1),
            "its batch is gathered, for 0.4 s more at most",
        ),
        (
            Facts(True, READY, buffer_s=0.5, waited_s=0.5, workers=1, busy=1),
            f"its batch waits for a worker: 1 worker runs 1 call now{FULL}",
        ),
        (
            Facts(True, READY, buffer_s=0.5, attempt=2, due_s=0.25),
            "it waits 0.2 s for attempt 3: the last one failed",
        ),
        (
            Facts(True, READY, buffer_s=0.5, limit="api: 8 at once; 8 run, 3 wait"),
            "it waits for a permit of the rate limit api: 8 at once; 8 run, 3 wait",
        ),
        (
            Facts(True, READY, attempt=1, due_s=-0.1, workers=1, busy=1),
            f"it is on its way to a worker: 1 worker runs 1 call now{FULL}",
        ),
        (
            Facts(True, WAITING),
            "no worker takes calls: no worker has started yet",
        ),
        (
            Facts(True, READY, workers=1),
            "it is on its way to a worker: 1 worker runs 0 calls now",
        ),
        (
            Facts(True, READY, buffer_s=0.5, deaths=2, crash="so"),
            "its worker was lost 2 times: so; now its batch is gathered, for 0.5 s more at most",
        ),
        (
            Facts(True, READY, running_s=1.0, deaths=1),
            "its worker was lost once; now it runs on worker 0 since 1.0 s",
        ),
        (
            Facts(True, Readiness("waiting", "its worker was killed"), deaths=1, crash="so"),
            "no worker takes calls: its worker was killed",
        ),
    ],
)
def test_one_thing_holds_a_call(facts: Facts, expected: str) -> None:
    """Of several the one that comes first on its way."""
    assert why(facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(False, WAITING), "no worker has started yet"),
        (Facts(True, WAITING, attempt=1, due_s=-0.1), "no worker has started yet"),
        (Facts(False, READY), ""),
        (Facts(True, WAITING, running_s=1.0), ""),
        (Facts(True, WAITING, attempt=1, due_s=3.0), ""),
        (Facts(True, WAITING, limit="k"), ""),
    ],
)
def test_a_call_lacks_a_worker_when_that_is_what_holds_it(facts: Facts, expected: str) -> None:
    """Not one that waits for something that comes by itself."""
    assert no_worker(facts) == expected
