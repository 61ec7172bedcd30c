"""Whether a version that never was live may go live, as its first worker is seen. Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from fnq_server.orchestrator.seam import Outlook
from fnq_server.readiness import Readiness

__all__ = ["Ruling", "Verdict", "verdict"]

#: Seconds for which a worker must have had no place, or nobody said whether it has one, until
#: nobody waits for it.
BLOCKED_S = 3.0
#: Seconds for which workers must be seen to crash until that is how they are.
_CRASHING_S = 1.0


class Ruling(Enum):
    """What is done with a version."""

    WAIT = "wait"
    READY = "ready"
    #: It goes live, and whoever deploys is warned.
    UNCHECKED = "unchecked"
    FAILED = "failed"


class Verdict(NamedTuple):
    """A ruling; where it is none to wait, `text` says why in one sentence.

    `error` is the class of the failure in `fnq_wire.error`, `traceback` the user's or the
    last lines of what crashed.
    """

    ruling: Ruling
    text: str = ""
    error: str = ""
    traceback: str = ""


def verdict(
    found: Readiness, same_s: float, blocked_s: float = BLOCKED_S, *, replaces: bool = False
) -> Verdict:
    """Return what is done with a version that has had the same outlook for `same_s` seconds.

    `blocked_s` is how long a worker without a place is waited for. `replaces` is whether
    there is a version that works, whose place it would take.
    """
    if found.state == "ready":
        return Verdict(Ruling.READY)
    if found.outlook is Outlook.IMPOSSIBLE:
        return Verdict(Ruling.FAILED, found.reason, "UnschedulableError")
    if found.state == "failed":
        return Verdict(Ruling.FAILED, found.reason, "ImportFailedError", found.traceback)
    if found.outlook is Outlook.CRASHING and same_s >= _CRASHING_S:
        return Verdict(Ruling.FAILED, found.reason, "ImportFailedError", found.traceback)
    if found.outlook is Outlook.UNKNOWN and same_s >= blocked_s and replaces:
        text = (
            f"no worker of it can be seen to import it: {found.reason}; its current version "
            "stays, deploy again once that is mended"
        )
        return Verdict(Ruling.FAILED, text, "DeployError")
    if found.outlook in (Outlook.BLOCKED, Outlook.UNKNOWN) and same_s >= blocked_s:
        text = f"went live without a worker that has imported it: {found.reason}"
        return Verdict(Ruling.UNCHECKED, text)
    return Verdict(Ruling.WAIT, found.reason)
