"""How fast this machine is again when it has rested.

Some virtual machines take memory away from whoever has not used it for a moment, and give it
back page by page as it is used again. There everything that waited begins slowly, in fnq and
outside of it.
"""

from __future__ import annotations

import mmap
import statistics
import time

__all__ = ["call_ms", "page_us"]

#: Pages that a call touches in all processes, measured: where a page that rested took 15
#: microseconds, a call after a rest took 75 ms, of 3 otherwise.
_OF_A_CALL = 4800

_PAGES = 512
_ROUNDS = 8


def page_us(rest_s: float = 0.1) -> float:
    """Return the microseconds in which a page is read that nobody has for so long; the median."""
    with mmap.mmap(-1, _PAGES * mmap.PAGESIZE) as pages:
        pages.write(bytes(len(pages)))
        return statistics.median(_round(pages, rest_s) for _ in range(_ROUNDS))


def call_ms(page_us: float) -> float:
    """Return the milliseconds that a call after a rest takes by memory alone, at `page_us`."""
    return page_us * _OF_A_CALL / 1000


def _round(pages: mmap.mmap, rest_s: float) -> float:
    time.sleep(rest_s)
    began = time.perf_counter()
    for at in range(0, len(pages), mmap.PAGESIZE):
        pages[at]
    return (time.perf_counter() - began) / _PAGES * 1e6
