"""What is told of the rows of a frame while they come. Pure."""

from __future__ import annotations

from collections import deque

from chalkcompute.account import Line, Row

__all__ = ["Tally"]

#: Seconds over which the pace is measured: long enough to be steady, short enough to be now.
_WINDOW_S = 5.0


class Tally:
    """Counts rows; times are in seconds.

    It is an account (see `account`) that has no lines, only what a terminal shows.
    """

    def __init__(self, now: float) -> None:
        #: How many rows there will be; None: not known.
        self.total: int | None = None
        self._since = now
        self._rows = 0
        #: Times, and rows by then, of the last while.
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])
        #: Workers of the functions that are called; None: not known, or no function is.
        self.workers: int | None = None
        self.is_open = self.is_over = False

    def add(self, rows: int, now: float) -> None:
        """Count rows that came."""
        self._rows += rows
        self._marks.append((now, self._rows))
        while self._marks[1][0] <= now - _WINDOW_S:
            self._marks.popleft()

    def open(self) -> list[Line]:
        """Take note that it is shown."""
        self.is_open = True
        return []

    def end(self, _now: float, *, failed: bool) -> list[Line]:
        """Leave nothing to be said, failed or not."""
        del failed
        return []

    def rows(self, now: float) -> list[Row]:
        """Return what a terminal shows."""
        parts = [self._count()]
        begun, before = self._marks[0]
        pace = (self._rows - before) / max(now - begun, 1e-9)
        if self._rows:
            parts.append(f"{pace:,.0f} rows/s")
        if self.workers is not None:
            parts.append(f"{self.workers} worker{'' if self.workers == 1 else 's'}")
        if self.total and pace:
            parts.append(f"{_span(max(0, self.total - self._rows) / pace)} left")
        return [Row("", ", ".join(parts), now - self._since)]

    def _count(self) -> str:
        of = "" if self.total is None else f" of {self.total:,}"
        return f"{self._rows:,}{of} rows"


def _span(seconds: float) -> str:
    """Return seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
