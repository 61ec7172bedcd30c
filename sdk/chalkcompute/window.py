"""How many entries of a map may be in flight. Pure.

Enough that no worker waits for work, and no more: what is queued too far ahead makes
others wait, is lost effort when the reader leaves, and takes memory.
"""

from __future__ import annotations

__all__ = ["QUIET_S", "SHORT_ENTRIES", "STALL_S", "WINDOW_BYTES", "Window"]

#: Seconds without an end after which the rows count as slow; after short entries it is longer
#: than it takes to replace a worker that died.
QUIET_S, STALL_S = 0.1, 2.0
#: Entries in flight: at first where nothing else is said, at least, and at most while none
#: has ended.
SHORT_ENTRIES, _LEAST, _QUIET_MOST = 16, 4, 256
#: Entries in flight at most, and bytes of them where nothing else is said, beyond `_LEAST`.
_MOST, WINDOW_BYTES = 1_024, 256 << 20
#: Entries that a worker should have, with the one that it runs.
_DEPTH = 3
#: Seconds that an entry may wait besides: the way there and back. It may take longer on a
#: busy machine, so some are kept in flight while they run for less than `_QUEUE_S`.
_WAY_S, _QUEUE_S = 0.01, 0.05
#: Entries that may be in flight or waiting for their reader, for each in the window.
_HELD = 4


class Window:
    """Learn from entries that ended how many keep all workers busy.

    It begins with `first`, and keeps `short` while they run for less than `_QUEUE_S`; with
    `most_bytes` of them no more than `_LEAST` are held.
    """

    def __init__(
        self, first: int = 0, most_bytes: int = WINDOW_BYTES, short: int = SHORT_ENTRIES
    ) -> None:
        self._most_bytes = most_bytes
        self._short = short
        self._entries = max(first, short)
        self._narrow = False
        #: The last entry that ended was a short one.
        self._quick = False

    def open(self, flying: int, held: int, size: int) -> bool:
        """Whether another entry may be sent.

        `flying` are in flight, `held` are these and those whose results were not read;
        `size` is what the latter have, or may have, in bytes.
        """
        if self._narrow:
            return not flying
        if held < _LEAST:
            return True
        return flying < self._entries and held < self._entries * _HELD and size < self._most_bytes

    def ended(self, flying: int, rows: int, ran_s: float, took_s: float) -> None:
        """Note that an entry ended that was sent as one of `flying`.

        It ran for `ran_s` of the `took_s` seconds that it was away. So many workers
        were busy as `flying * ran_s / took_s` says. A queue of single rows is kept:
        they are slow, and more workers may come for them.
        """
        self._narrow, self._quick = False, ran_s < _QUEUE_S
        allowed_s = _DEPTH * ran_s + _WAY_S
        wanted = int(flying * allowed_s / max(took_s, ran_s, 1e-6)) + 1
        if wanted > self._entries:
            self._entries = min(self._entries + 1, _MOST)
        elif rows > 1:
            short = min(self._short, int(_QUEUE_S / max(ran_s, 1e-6)))
            self._entries = max(wanted, short, _LEAST)

    def narrow(self) -> None:
        """Have one entry at a time until one ends, or none does for QUIET_S.

        It is to tell how large the next ones may be: more of them would be as short.
        """
        self._narrow = True

    def patience(self, flying: int) -> float | None:
        """Return the seconds after which `quiet` is to be told; None where it is of no use."""
        if self._narrow:
            return QUIET_S
        if not self._entries <= flying < _QUIET_MOST:
            return None
        return STALL_S if self._quick else QUIET_S

    def quiet(self) -> None:
        """Note that nothing ended for so long though the window was full.

        Rows are slow, or no worker is there yet: the more wait, the more may come for them.
        """
        self._narrow = self._quick = False
        self._entries = max(self._entries, min(self._entries * 2, _QUIET_MOST))
