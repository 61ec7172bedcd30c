"""Whether a version can take calls."""

from __future__ import annotations

import pytest

from fnq_core.presence import CANNOT_BEGIN, Presence
from fnq_server.orchestrator.seam import Explanation, Outlook
from fnq_server.readiness import Readiness, judge

IMPORTS = "a worker has started and imports the function"
SILENT = "its worker runs and has not said yet how it is"


def _presences(states: list[str]) -> list[Presence]:
    return [
        Presence(
            "default", "f", "a1", f"agent-{number}", 0, 7,
            state=each, reason="its import failed", traceback="T",
        )
        for number, each in enumerate(states)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("states", "state", "reason"),
    [
        ([], "waiting", "no worker has started yet"),
        (["starting"], "waiting", IMPORTS),
        (["cordoned"], "waiting", "its worker was about to be suspended, and takes calls again"),
        (["starting", "ready"], "ready", ""),
        (["failed", "ready"], "ready", ""),
        (["starting", "failed"], "failed", "its import failed; correct that, and deploy again"),
    ],
)
@pytest.mark.parametrize("outlook", [None, *Outlook])
def test_one_worker_that_is_ready_is_enough(
    states: list[str], state: str, reason: str, outlook: Outlook | None
) -> None:
    """Else the most that can be said is said; who is ready or failed is believed first."""
    known = None if outlook is None else Explanation(outlook, "so it is")
    judged = judge(_presences(states), known)
    if known is None or state != "waiting":
        assert (judged.state, judged.reason) == (state, reason)
        assert judged.traceback == ("T" if state == "failed" else "")


@pytest.mark.parametrize(
    ("outlook", "states", "state", "reason"),
    [
        (Outlook.ABSENT, [], "waiting", "no worker has started yet"),
        (Outlook.ABSENT, ["starting"], "waiting", IMPORTS),
        (Outlook.STARTING, [], "waiting", "so it is"),
        (Outlook.STARTING, ["starting"], "waiting", IMPORTS),
        (Outlook.RUNNING, [], "waiting", SILENT),
        (Outlook.RUNNING, ["starting"], "waiting", IMPORTS),
        (Outlook.CRASHING, [], "waiting", "so it is"),
        (Outlook.CRASHING, ["starting"], "waiting", "so it is"),
        (Outlook.BLOCKED, [], "waiting", "so it is"),
        (Outlook.IMPOSSIBLE, [], "failed", "so it is"),
        (Outlook.IMPOSSIBLE, ["starting"], "failed", "so it is"),
    ],
)
def test_what_is_known_of_its_place_is_said(
    outlook: Outlook, states: list[str], state: str, reason: str
) -> None:
    """A crash loop is no import, though each of its workers says that it starts."""
    judged = judge(_presences(states), Explanation(outlook, "so it is"), "its last words")
    assert (judged.state, judged.reason) == (state, reason)
    assert judged.traceback == ("its last words" if outlook is Outlook.CRASHING else "")
    assert judged.outlook is (Outlook.RUNNING if reason == IMPORTS else outlook)


def test_a_worker_that_cannot_begin_is_no_failed_import() -> None:
    """It is the place that lacks something, and the reason says what."""
    [presence] = _presences(["failed"])
    presence.reason = f"{CANNOT_BEGIN}: nothing can be mounted here"
    told = Readiness("failed", presence.reason, "T", Outlook.IMPOSSIBLE)
    assert judge([presence]) == told


def test_a_readiness_tells_its_outlook() -> None:
    """Of one that is ready, or whose import failed, the process runs."""
    for state in ("ready", "failed"):
        assert judge(_presences([state])).outlook is Outlook.RUNNING
    assert judge([]) == Readiness("waiting", "no worker has started yet", "", Outlook.ABSENT)
