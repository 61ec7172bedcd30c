"""When a process that died is started again."""

from __future__ import annotations

__all__ = ["HEALTHY_S", "Backoff"]

#: Seconds of life after which the deaths before are forgotten.
HEALTHY_S = 10.0
#: Seconds before the second start in a row; doubles up to the most.
_FIRST_S = 0.1
_MOST_S = 5.0


class Backoff:
    """Counts deaths in a row and says how long to wait; the first restart is at once."""

    def __init__(self) -> None:
        self.deaths = 0

    def next(self, lived_s: float) -> float:
        """Return the seconds to wait after a process that lived `lived_s` has died."""
        if lived_s >= HEALTHY_S:
            self.deaths = 0
        self.deaths += 1
        if self.deaths == 1:
            return 0.0
        return min(_MOST_S, _FIRST_S * 2.0 ** min(self.deaths - 2, 16))
