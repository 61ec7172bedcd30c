"""When a process that died is started again."""

from __future__ import annotations

__all__ = ["HEALTHY_S", "MOST_S", "Backoff"]

#: Seconds of life after which the deaths before are forgotten.
HEALTHY_S = 10.0
#: Seconds before the second start in a row; doubles up to the most, of what the stack
#: cannot do without.
_FIRST_S = 0.1
MOST_S = 5.0


class Backoff:
    """Counts deaths in a row and says how long to wait: `most_s` seconds at most.

    The first restart is at once.
    """

    def __init__(self, most_s: float = MOST_S) -> None:
        self.deaths = 0
        self._most_s = most_s

    def next(self, lived_s: float) -> float:
        """Return the seconds to wait after a process that lived `lived_s` has died."""
        if lived_s >= HEALTHY_S:
            self.deaths = 0
        self.deaths += 1
        if self.deaths == 1:
            return 0.0
        return min(self._most_s, _FIRST_S * 2.0 ** min(self.deaths - 2, 16))
