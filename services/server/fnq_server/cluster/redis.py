"""Whether a Redis is set as what lies in it needs. Pure."""

from __future__ import annotations

from fnq_core.tuning import Tuning
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["judge"]

#: What takes no value away to make room.
_POLICY = "noeviction"
#: What of the file survives that Redis is killed: each write that it answered.
_SAFE = {
    "no": "what it answered survives its own end, and of a loss of power all but about 30 s",
    "always": "what it answered survives a loss of power",
}
_MIB = 1 << 20


def judge(found: Tuning) -> list[Finding]:
    """Return what is to be said of a Redis that answers."""
    memory = f"{found.used // _MIB} of {found.maxmemory // _MIB} MiB in use"
    return [
        ok("redis", f"release {found.version} answers the servers"),
        _file(found),
        ok("redis memory", f"maxmemory-policy is {_POLICY}")
        if found.policy == _POLICY
        else missing(
            "redis memory",
            f"maxmemory-policy is {found.policy}: when it is full, it forgets calls and results",
            f"set maxmemory-policy {_POLICY}",
        ),
        ok("redis room", memory)
        if found.maxmemory
        else note(
            "redis room",
            "it has no maxmemory: it grows until the machine has no memory left, and is killed",
            "set maxmemory to about three quarters of what it may have",
        ),
    ]


def _file(found: Tuning) -> Finding:
    subject = "redis file"
    if not found.appendonly:
        return missing(
            subject, "appendonly is no: started anew it has forgotten all", "set appendonly yes"
        )
    if not found.appendfsync:
        return note(subject, "appendonly is yes; appendfsync may not be asked for (CONFIG GET)")
    if found.appendfsync not in _SAFE:
        return missing(
            subject,
            f"appendfsync is {found.appendfsync}: while its disk is busy, it answers before it "
            "has written, and forgets that when it is killed",
            "set appendfsync no, or always",
        )
    return ok(subject, f"appendfsync is {found.appendfsync}: {_SAFE[found.appendfsync]}")
