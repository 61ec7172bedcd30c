"""Which of the items that wait are handed over as batches now. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Decision", "Waiting", "decide"]


class Waiting(NamedTuple):
    """One entry that waits: its rows, and the moment, in seconds, since which it does."""

    rows: int
    since: float


@dataclass(slots=True)
class Decision:
    """How many of the first items make each batch now, and when to look again.

    `look_at` is None where nothing happens by itself: another item, or more room, must come.
    """

    batches: list[int] = field(default_factory=list)
    look_at: float | None = None


def decide(
    waiting: Sequence[Waiting], max_size: int, buffer_s: float, rooms: int, now: float
) -> Decision:
    """Return what leaves, of items in the order of their arrival, into `rooms` batches at most.

    A batch leaves once it has `max_size` rows, or the next item does not fit into it, or
    the oldest item has waited for `buffer_s` seconds. An entry larger than `max_size` is a
    batch of its own.
    """
    decision = Decision()
    start = 0
    while start < len(waiting) and len(decision.batches) < rooms:
        stop, full = _gather(waiting, start, max_size)
        due = min(each.since for each in waiting[start:stop]) + buffer_s
        if not full and due > now:
            decision.look_at = due
            break
        decision.batches.append(stop - start)
        start = stop
    return decision


def _gather(waiting: Sequence[Waiting], start: int, max_size: int) -> tuple[int, bool]:
    """Return where the batch that begins at `start` ends, and whether it is full."""
    rows, stop = 0, start
    while stop < len(waiting):
        rows += waiting[stop].rows
        if rows > max_size and stop > start:
            return stop, True
        stop += 1
        if rows >= max_size:
            return stop, True
    return stop, False
