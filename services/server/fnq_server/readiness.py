"""Whether a version can take calls, and if not, why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fnq_core.presence import CANNOT_BEGIN, Presence
from fnq_server.orchestrator.seam import Explanation, Outlook
from fnq_server.remedy import explained

__all__ = ["Readiness", "judge"]


class Readiness(NamedTuple):
    """`state` is "waiting", "ready" or "failed"; `reason` is one sentence.

    `traceback` is the user's where an import failed, and the last lines of workers
    that crash.
    """

    state: str
    reason: str = ""
    traceback: str = ""
    outlook: Outlook = Outlook.RUNNING


def judge(found: Sequence[Presence], known: Explanation | None = None, log: str = "") -> Readiness:
    """Return what is said of a version together: one agent that is ready is enough.

    `known` is what the orchestrator says, `log` the last lines of its workers.
    """
    states = {presence.state: presence for presence in found}
    if "ready" in states:
        return Readiness("ready")
    if "failed" in states:
        failed = states["failed"]
        if failed.reason.startswith(CANNOT_BEGIN):
            return Readiness("failed", failed.reason, failed.traceback, Outlook.IMPOSSIBLE)
        reason = explained(failed.reason, failed.traceback)
        return Readiness("failed", reason, failed.traceback)
    if "cordoned" in states:
        return Readiness("waiting", "its worker was about to be suspended, and takes calls again")
    outlook = Outlook.ABSENT if known is None else known.outlook
    reason = "" if known is None else known.reason
    if outlook is Outlook.IMPOSSIBLE:
        return Readiness("failed", reason, outlook=outlook)
    if outlook is Outlook.CRASHING:
        # Each of its workers says that it starts, for as long as it lives.
        return Readiness("waiting", reason, log, outlook)
    if outlook in (Outlook.BLOCKED, Outlook.UNKNOWN) and not found:
        return Readiness("waiting", reason, outlook=outlook)
    if found:
        return Readiness("waiting", "a worker has started and imports the function")
    if outlook is Outlook.RUNNING:
        return Readiness("waiting", "its worker runs and has not said yet how it is")
    if outlook is Outlook.STARTING:
        return Readiness("waiting", reason, outlook=outlook)
    return Readiness("waiting", "no worker has started yet", outlook=outlook)
