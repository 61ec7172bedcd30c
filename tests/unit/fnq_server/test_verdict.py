"""Whether a version that never was live may go live."""

from __future__ import annotations

import pytest

from fnq_server.orchestrator.seam import Outlook
from fnq_server.readiness import Readiness
from fnq_server.verdict import BLOCKED_S, Ruling, verdict


@pytest.mark.parametrize(
    ("found", "same_s", "ruling", "error"),
    [
        (Readiness("ready"), 0.0, Ruling.READY, ""),
        (Readiness("waiting", "starts"), 1e9, Ruling.WAIT, ""),
        (Readiness("failed", "no module"), 0.0, Ruling.FAILED, "ImportFailedError"),
        (
            Readiness("failed", "too large", outlook=Outlook.IMPOSSIBLE),
            0.0,
            Ruling.FAILED,
            "UnschedulableError",
        ),
        (Readiness("waiting", "crashes", "last", Outlook.CRASHING), 0.9, Ruling.WAIT, ""),
        (
            Readiness("waiting", "crashes", "last", Outlook.CRASHING),
            1.0,
            Ruling.FAILED,
            "ImportFailedError",
        ),
        (Readiness("waiting", "full", outlook=Outlook.BLOCKED), BLOCKED_S - 0.1, Ruling.WAIT, ""),
        (Readiness("waiting", "full", outlook=Outlook.BLOCKED), BLOCKED_S, Ruling.UNCHECKED, ""),
        (Readiness("waiting", "away", outlook=Outlook.UNKNOWN), BLOCKED_S - 0.1, Ruling.WAIT, ""),
        (Readiness("waiting", "away", outlook=Outlook.UNKNOWN), BLOCKED_S, Ruling.UNCHECKED, ""),
        (Readiness("waiting", "soon", outlook=Outlook.STARTING), 1e9, Ruling.WAIT, ""),
    ],
)
def test_a_verdict_is_given_when_it_can_be(
    found: Readiness, same_s: float, ruling: Ruling, error: str
) -> None:
    """A crash must be seen for a second, want of room for three."""
    now = verdict(found, same_s)
    assert (now.ruling, now.error) == (ruling, error)
    assert found.reason in now.text


@pytest.mark.parametrize(
    ("outlook", "ruling", "error"),
    [(Outlook.UNKNOWN, Ruling.FAILED, "DeployError"), (Outlook.BLOCKED, Ruling.UNCHECKED, "")],
)
def test_what_works_is_replaced_while_nodes_are_full_and_not_while_nobody_says(
    outlook: Outlook, ruling: Ruling, error: str
) -> None:
    """Who has to wait for a place would wait for long; who does not answer comes back."""
    found = Readiness("waiting", "so it is", outlook=outlook)
    assert verdict(found, 1.0, replaces=True).ruling is Ruling.WAIT
    now = verdict(found, BLOCKED_S, replaces=True)
    assert (now.ruling, now.error) == (ruling, error)
    assert "so it is" in now.text


def test_nobody_waits_for_room_where_nobody_makes_any() -> None:
    """A server that starts no workers goes on at once."""
    found = Readiness("waiting", "none", outlook=Outlook.BLOCKED)
    assert verdict(found, 0.0, 0.0).ruling is Ruling.UNCHECKED
