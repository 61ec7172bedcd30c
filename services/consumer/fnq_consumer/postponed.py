"""Calls whose attempt failed, until the next one is due: they take no room of a worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import structlog
from redis.exceptions import ResponseError

from fnq_consumer.held import Held
from fnq_consumer.ledger import Ledger
from fnq_consumer.station import Station
from fnq_consumer.timetable import Timetable
from fnq_core.connection import insist
from fnq_core.dues import Dues
from fnq_core.service import Spawn

__all__ = ["Postponed"]

_log = structlog.get_logger()


class Postponed:
    """A station before `following`: a call goes on once it is due.

    That its attempt begins is noted in Redis first, where a call that was withdrawn
    meanwhile is found out. `spawn` starts what takes a while.
    """

    def __init__(
        self,
        consumer: str,
        ledger: Ledger,
        dues: Dues,
        following: Station,
        spawn: Spawn,
    ) -> None:
        self._consumer = consumer
        self._ledger = ledger
        self._dues = dues
        self._next = following
        self._spawn = spawn
        #: All that wait, in the order in which they came.
        self._held: dict[Held, None] = {}
        self._times = Timetable(self._held.__contains__, self._begin_all)

    def rooms(self) -> dict[int, int]:
        """Return the room by least depth: what waits here takes none."""
        return self._next.rooms()

    def feed(self) -> None:
        """Look again: there is more room, or less."""
        self._next.feed()

    def put(self, held: Held) -> None:
        """Take a call: it waits here until it is due."""
        if not held.due_at:
            self._next.put(held)
            return
        self._held[held] = None
        self._times.add(held.due_at, held)

    def take_out(self, held: Held) -> bool:
        """Remove a call that waits here or further on; False when it does not."""
        return self._drop(held) or self._next.take_out(held)

    def _drop(self, held: Held) -> bool:
        if held not in self._held:
            return False
        del self._held[held]
        return True

    def waiting(self) -> dict[str, list[Held]]:
        """Return the calls that wait here or further on, by stream."""
        found = self._next.waiting()
        for held in self._held:
            found.setdefault(held.stream, []).append(held)
        return found

    def close(self) -> Iterator[Held]:
        """Let nothing begin any more; yield what waits here or further on, and let go of it."""
        self._times.close()
        while self._held:
            held, _ = self._held.popitem()
            yield held
        yield from self._next.close()

    def _begin_all(self, due: list[Held]) -> None:
        """Let begin what is due by now."""
        by_stream: defaultdict[str, list[Held]] = defaultdict(list)
        for held in due:
            by_stream[held.stream].append(held)
        for stream, some in by_stream.items():
            self._spawn(self._begin(stream, some), "begin attempts")

    async def _begin(self, stream: str, due: Sequence[Held]) -> None:
        """Note that attempts begin, and pass them on."""
        runs = [held.run for held in due]
        try:
            begin = await insist(
                "beginning attempts", lambda: self._dues.begin(stream, self._consumer, runs)
            )
        except ResponseError as problem:
            _log.error("attempts are left to their leases", stream=stream, problem=str(problem))
            begin = [False] * len(due)
        for held, begins in zip(due, begin, strict=True):
            if not self._drop(held):
                continue  # It was cancelled meanwhile, or is another consumer's.
            if begins:
                held.due_at = 0.0
                self._next.put(held)
            else:
                self._ledger.forget(held)
