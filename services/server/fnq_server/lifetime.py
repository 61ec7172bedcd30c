"""How a version stands between its deploy and its end. Pure."""

from __future__ import annotations

from fnq_core.backlog import Counts
from fnq_core.registry import Version

__all__ = ["state_of"]


def state_of(version: Version, current: str, counts: Counts, workers: int) -> str:
    """Return "preparing", "failed", "current", "draining" or "retired".

    `current` is the id of its function's current version. One that was never live is being
    prepared until its deploy has failed; one that was and is not current drains as long as
    it has calls or workers.
    """
    if version.id == current:
        return "current"
    if not version.live:
        return "failed" if version.failure else "preparing"
    busy = counts.waiting or counts.held or workers
    return "draining" if busy else "retired"
