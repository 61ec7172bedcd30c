"""Whether a stack that nobody uses may leave."""

from __future__ import annotations

import math

from fnq_wire.error import StackError

__all__ = ["DEFAULT_S", "Idle", "parse"]

#: Seconds without sessions and running calls after which a stack leaves.
DEFAULT_S = 300.0
#: Share of the time-out after which a user must show that it is still there.
_AGAIN = 0.25
#: Seconds; more often is never asked for when the time-out is long.
_AGAIN_MOST_S = 10.0


class Idle:
    """Knows when the stack was last used; it has no clock, `now` is seconds on any."""

    def __init__(self, timeout_s: float, now: float) -> None:
        self.timeout_s = timeout_s
        self._used = now

    def touch(self, now: float) -> float:
        """Note a use; return the seconds after which a user that stays must touch again."""
        self._used = max(self._used, now)
        return min(_AGAIN_MOST_S, self.timeout_s * _AGAIN)

    def leave_in(self, now: float) -> float:
        """Return the seconds until the stack may leave: 0 when it may now."""
        return max(0.0, self._used + self.timeout_s - now)


def parse(text: str) -> float:
    """Return the time-out in seconds that FNQ_IDLE_TIMEOUT asks for; empty: the default.

    Raises StackError when it is not a positive number.
    """
    if not text:
        return DEFAULT_S
    try:
        timeout_s = float(text)
    except ValueError:
        timeout_s = math.nan
    if not timeout_s > 0:
        raise StackError(f"FNQ_IDLE_TIMEOUT should be seconds, a number above 0; it is {text!r}")
    return timeout_s
