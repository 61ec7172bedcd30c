"""Gathers the items of a batching function until a batch of them leaves."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fnq.v1 import spec_pb2
from fnq_consumer.batch import Waiting, decide
from fnq_consumer.dispatcher import Dispatcher
from fnq_consumer.held import Held
from fnq_consumer.ledger import Ledger
from fnq_core.clock import Clock
from fnq_core.results import order

__all__ = ["Batcher"]

#: Milliseconds in a second.
_MS = 1000


@dataclass(slots=True, eq=False)
class _Item:
    """An entry that waits, and the loop time since which it does."""

    held: Held
    since: float

    @property
    def waiting(self) -> Waiting:
        return Waiting(max(1, self.held.call.rows - self.held.rows), self.since)


class Batcher:
    """The station before the dispatcher, of a function that takes its calls in batches.

    Items of one depth and set make a batch: it takes one slot, and nested calls of it go
    to the versions of one set. `left` is told that a batch has left, so that there is
    less room than before.
    """

    def __init__(
        self,
        batching: spec_pb2.Batching,
        dispatcher: Dispatcher,
        ledger: Ledger,
        clock: Clock,
        left: Callable[[], None],
    ) -> None:
        self._most = batching.max_size
        self._buffer_s = batching.max_buffer_ms / _MS
        self._dispatcher = dispatcher
        self._ledger = ledger
        self._clock = clock
        self._left = left
        self._loop = asyncio.get_running_loop()
        #: By depth and set.
        self._groups: defaultdict[tuple[int, int], list[_Item]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None
        self._feeding = False

    def rooms(self) -> dict[int, int]:
        """Return how many more items there is room for, by least depth."""
        rooms = Counter({least: n * self._most for least, n in self._dispatcher.rooms().items()})
        for (depth, _), items in self._groups.items():
            fitting = [least for least in rooms if least <= depth]
            if fitting:
                rooms[max(fitting)] -= sum(each.waiting.rows for each in items)
        return +rooms

    def put(self, held: Held) -> None:
        """Gather an item; one that is given anew waits from now on for others."""
        since = self._loop.time()
        if held.count.epoch == 1:
            appended_ms, _ = order(held.entry)
            since = min(since, self._clock.at(appended_ms))
        self._groups[held.call.depth, held.call.set].append(_Item(held, since))
        self._feed_soon()

    def feed(self) -> None:
        """Hand over the batches that there is room for now, the deepest first."""
        self._feeding = False
        now, looks = self._loop.time(), []
        for key in sorted(self._groups, reverse=True):
            look_at = self._feed(key, now)
            if look_at is not None:
                looks.append(look_at)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if looks:
            self._timer = self._loop.call_at(min(looks), self.feed)

    def _feed(self, key: tuple[int, int], now: float) -> float | None:
        """Hand over what leaves of one group; return when to look again."""
        # One that has ended meanwhile, or has another run, is not an item any more.
        items = [each for each in self._groups[key] if self._ledger.holds(each.held)]
        rooms = self._dispatcher.rooms_at(key[0])
        waiting = [each.waiting for each in items]
        decision = decide(waiting, self._most, self._buffer_s, rooms, now)
        start = 0
        for count in decision.batches:
            self._dispatcher.send_together([each.held for each in items[start : start + count]])
            start += count
        if start:
            self._left()
        if start < len(items):
            self._groups[key] = items[start:]
        else:
            del self._groups[key]
        return decision.look_at

    def _feed_soon(self) -> None:
        """Feed once in this turn, whatever else it brings."""
        if not self._feeding:
            self._feeding = True
            self._loop.call_soon(self.feed)

    def take_out(self, held: Held) -> bool:
        """Remove an item that waits here; False when it does not."""
        for key, items in self._groups.items():
            for item in items:
                if item.held is held:
                    items.remove(item)
                    if not items:
                        del self._groups[key]
                    return True
        return self._dispatcher.take_out(held)

    def waiting(self) -> dict[str, list[Held]]:
        """Return the items that wait here or further on, by stream."""
        found = self._dispatcher.waiting()
        for items in self._groups.values():
            for item in items:
                found.setdefault(item.held.stream, []).append(item.held)
        return found

    def close(self) -> Iterator[Held]:
        """Hand over nothing more; yield what waits here or further on, and let go of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._groups:
            _, items = self._groups.popitem()
            yield from (each.held for each in items)
        yield from self._dispatcher.close()
