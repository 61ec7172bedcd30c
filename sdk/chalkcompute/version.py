"""A version of a deployed function."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Version"]


@dataclass(frozen=True, slots=True)
class Version:
    """Describe one version of a function.

    `number` counts from 1 within the function. `hash` is 32 hex digits, the same for the
    same source and settings. `created_at` is when it was deployed first, in UTC. `state`
    is "preparing" or "failed" where it never went live, "current", "draining" where it
    is not current and has calls or workers, else "retired".
    """

    number: int
    hash: str
    created_at: datetime
    state: str
