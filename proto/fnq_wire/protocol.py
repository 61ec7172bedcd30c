"""The version of the wire, and what two ends say that differ."""

from __future__ import annotations

__all__ = ["PROTOCOL", "version_problem"]

#: Version of the wire; two ends that differ do not talk.
PROTOCOL = 2


def version_problem(ours: str, theirs: str, protocol: int) -> str | None:
    """Return what is wrong when a peer speaks another version of the wire, or None."""
    if protocol == PROTOCOL:
        return None
    older = theirs if protocol < PROTOCOL else ours
    return (
        f"{theirs} speaks version {protocol} of the protocol, {ours} version {PROTOCOL}: "
        f"update fnq where {older} runs"
    )
