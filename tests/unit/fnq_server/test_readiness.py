"""Whether a version can take calls."""

from __future__ import annotations

import pytest

from fnq_core.presence import Presence
from fnq_server.readiness import judge


@pytest.mark.parametrize(
    ("states", "state", "reason"),
    [
        ([], "waiting", "no worker has started yet"),
        (["starting"], "waiting", "a worker has started and imports the function"),
        (["starting", "ready"], "ready", ""),
        (["failed", "ready"], "ready", ""),
        (["starting", "failed"], "failed", "its import failed"),
    ],
)
def test_one_worker_that_is_ready_is_enough(states: list[str], state: str, reason: str) -> None:
    """Else the most that can be said is said."""
    found = [
        Presence(
            "default", "f", "a1", f"agent-{number}", 0, 7,
            state=each, reason="its import failed", traceback="T",
        )
        for number, each in enumerate(states)
    ]  # fmt: skip
    judged = judge(found)
    assert (judged.state, judged.reason) == (state, reason)
    assert judged.traceback == ("T" if state == "failed" else "")
