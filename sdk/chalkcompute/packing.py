"""How many rows the next entry takes. Pure.

One row at first, then more until an entry takes about TARGET_S: a row that is quick
shares the cost of an entry with many, and one that is slow never waits behind others.
"""

from __future__ import annotations

from collections import deque

from fnq_wire.limits import INLINE

__all__ = ["GROWTH", "MOST_ROWS", "TARGET_S", "Packing"]

#: Seconds that an entry is to run: much more than an entry costs, too little to wait for.
TARGET_S = 0.1
#: Rows of one entry, where nothing else is said.
MOST_ROWS = 1 << 16
#: By how much an entry may be larger than the largest that was seen to run, where nothing
#: else is said.
GROWTH = 4
#: Entries of which the slowest, by the row, decides.
_REMEMBERED = 8
#: Seconds of a run below which the clock says little of its rows, and rows above which it
#: says enough.
_UNCLEAR_S, _TELLING = 0.002, 256
#: Bytes of a payload besides those of its rows.
_HEAD_BYTES = 320
#: Seconds for which an entry is meant to run at least, whatever befell earlier ones.
_SHORTEST_S = 0.001


class Packing:
    """Learn from entries that ran how many rows are quick enough for one.

    It grows by `growth` per entry at most, and shrinks at once. Rows of TARGET_S or
    more are never packed; where they vary the slowest of the last entries decides. Entries
    of several rows have `most_bytes` at most, and `most_rows` of these.
    """

    def __init__(
        self, most_bytes: int = INLINE, growth: int = GROWTH, most_rows: int = MOST_ROWS
    ) -> None:
        self._most_bytes = most_bytes
        self._growth = growth
        self._most_rows = most_rows
        self._wanted = 1
        #: Whether the last entry that ran was too short to tell how quick rows are.
        self.unclear = False
        self._target_s = TARGET_S
        #: Seconds, and bytes, of a row in each of the last entries.
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)
        self._bytes: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def rows(self) -> int:
        """Rows of the next entry, at least one."""
        if not self._bytes:
            return self._wanted
        return max(1, min(self._wanted, int(self._most_bytes / max(self._bytes))))

    def weight(self, rows: int) -> int:
        """Return the bytes that so many rows, or their results, may have."""
        return int(rows * max(self._bytes, default=0))

    def ran(self, rows: int, seconds: float) -> None:
        """Note that the run of an entry of so many rows took so long, its waiting apart."""
        each = max(0.0, seconds) / rows
        quick = seconds < _UNCLEAR_S
        self.unclear = quick and rows < _TELLING
        # What a short run says holds for the next step, no longer: it is mostly its beginning.
        self._seconds.append(0.0 if quick else each)
        grown = min(rows * self._growth, self._fitting(each))
        seen = max(self._wanted, grown if quick else rows * self._growth)
        self._wanted = max(1, min(self._fitting(max(self._seconds)), seen))

    def failed(self) -> None:
        """Note that an entry of several rows failed as a whole, perhaps for one of them.

        Rows travel alone for a while, and entries are half as long from then on: it may
        have been too long for the function's `timeout`.
        """
        self._target_s = max(self._target_s / 2, _SHORTEST_S)
        self.ran(1, TARGET_S)

    def weighed(self, rows: int, size: int) -> None:
        """Note that so many rows, or their results, had so many bytes."""
        self._bytes.append(max(1.0, (size - _HEAD_BYTES) / rows))

    def _fitting(self, row_s: float) -> int:
        """Return how many rows of so many seconds each may travel together."""
        most, target_s = self._most_rows, self._target_s
        return most if row_s * most <= target_s else int(target_s / row_s)
