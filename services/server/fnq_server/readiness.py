"""Whether a version can take calls, and if not, why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fnq_core.presence import Presence

__all__ = ["Readiness", "judge"]


class Readiness(NamedTuple):
    """`state` is "waiting", "ready" or "failed"; `reason` is one sentence."""

    state: str
    reason: str = ""
    traceback: str = ""


def judge(found: Sequence[Presence]) -> Readiness:
    """Return what the agents of a version say together: one that is ready is enough."""
    states = {presence.state: presence for presence in found}
    if "ready" in states:
        return Readiness("ready")
    if "failed" in states:
        failed = states["failed"]
        return Readiness("failed", failed.reason, failed.traceback)
    if found:
        return Readiness("waiting", "a worker has started and imports the function")
    return Readiness("waiting", "no worker has started yet")
