"""How long calls take here, and how many may wait behind those that run. Pure."""

from __future__ import annotations

__all__ = ["Pace", "room_ahead"]

#: Seconds of work that may wait in the worker, so that a runner of short calls
#: does not wait for the way to Redis and back after each.
_AHEAD_S = 0.010
#: Most calls that may wait in the worker.
_MOST_AHEAD = 128


class Pace:
    """How long calls of this function take here: a moving average, in seconds."""

    def __init__(self) -> None:
        self._average: float | None = None

    def note(self, duration_s: float) -> None:
        """Take one finished call into account; a longer one weighs more."""
        average = self._average
        if average is None:
            self._average = duration_s
        else:
            weight = 0.5 if duration_s > average else 0.1
            self._average = average + (duration_s - average) * weight

    @property
    def average_s(self) -> float | None:
        """The average, or None before the first call has ended."""
        return self._average


def room_ahead(pace: Pace, nests: bool) -> int:
    """Return how many calls may wait here beyond the slots.

    None before a call has ended, none for long calls, and none for a function
    that calls others: what waits here could not move to another worker.
    """
    if nests or pace.average_s is None:
        return 0
    return min(_MOST_AHEAD, int(_AHEAD_S / max(pace.average_s, 1e-6)))
