"""A session whose packed calls run when somebody waits for them, one entry at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from chalkcompute.inflight import Inflight, Outcome, Target, Terms
from fnq_wire import outcomes
from fnq_wire.arrow import Codec
from fnq_wire.failure import Envelope, describe, make
from fnq_wire.pieces import Payload, whole
from tests.unit.chalkcompute.memory import MemorySession

__all__ = ["Entry", "RowSession"]


class Entry:
    """One entry that was sent; `size` is that of its payload, `rows` 0 for a plain call."""

    def __init__(self, target: Target, payload: bytes, rows: int) -> None:
        self.inflight = Inflight(os.urandom(16))
        self.target = target
        self.payload = payload
        self.rows = rows
        self.cancelled = False

    @property
    def size(self) -> int:
        return len(self.payload)


class RowSession(MemorySession):
    """Implements `port.Session`; what it runs takes as long as `row_s` says of its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Entry] = []
        self.waiting: list[Entry] = []
        self.entries: dict[Inflight, Entry] = {}
        self.codecs: dict[Callable[..., Any], Codec] = {}
        self.row_s: Callable[[Any], float] = lambda _: 1e-6
        #: Which of those that wait runs next; None: it is not run, and a wait times out.
        self.choose: Callable[[list[Entry]], int | None] = lambda _: 0
        #: How an entry ends as a whole, where it does.
        self.fate: Callable[[Entry], Envelope | None] = lambda _: None
        #: The first argument of the row that kills its worker.
        self.deadly: Any = None

    @property
    def sizes(self) -> list[int]:
        """Return the rows of each entry."""
        return [entry.rows for entry in self.sent]

    def submit(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None = None,
        *,
        rows: int = 1,
        packed: bool = False,
    ) -> Inflight:
        self.asked.append(terms)
        entry = Entry(target, whole(payload), rows if packed else 0)
        self.sent.append(entry)
        self.waiting.append(entry)
        self.entries[entry.inflight] = entry
        return entry.inflight

    def park(self, inflight: Inflight, timeout: float | None) -> bool:
        if inflight.chunks or inflight.outcome is not None:
            return True
        index = self.choose(self.waiting) if self.waiting else None
        if index is None:
            assert timeout is not None, "it waits for ever"
            return False
        self.serve(self.waiting.pop(index))
        return True

    async def park_async(self, inflight: Inflight) -> None:
        assert self.park(inflight, None)

    def cancel(self, inflight: Inflight) -> None:
        entry = self.entries[inflight]
        entry.cancelled = True
        if entry in self.waiting:
            self.waiting.remove(entry)
        inflight.finish(Outcome(failure=make("CallCancelledError", "cancelled")))

    def serve(self, entry: Entry) -> None:
        """Run an entry."""
        _, body, _ = self.versions[entry.target.version]
        fate = self.fate(entry)
        if fate is None:
            codec = self.codecs.get(body) or Codec.of(body)
            self.codecs[body] = codec
            if not entry.rows:
                args, kwargs = codec.decode_arguments(entry.payload)
                value = codec.encode_result(body(*args, **kwargs))
                entry.inflight.finish(Outcome(value=value))
                return
            rows = list(codec.rows.decode_arguments(entry.payload))
            assert len(rows) == entry.rows
            for at, (args, _) in enumerate(rows):
                if args[:1] == (self.deadly,):
                    fate, rows = make("WorkerLostError", "it died"), rows[:at]
                    break
            # In two blocks, as of an entry that takes long.
            middle = (len(rows) + 1) // 2
            for first, part in ((0, rows[:middle]), (middle, rows[middle:])):
                if part:
                    entry.inflight.push(self._block(codec, body, part, first))
        entry.inflight.finish(Outcome(failure=fate) if fate else Outcome(exhausted=True))

    def _block(
        self,
        codec: Codec,
        body: Callable[..., Any],
        rows: list[tuple[Any, Mapping[str, Any]]],
        first: int,
    ) -> bytes:
        values, failures, seconds = [], {}, 0.0
        for index, (args, kwargs) in enumerate(rows):
            seconds += self.row_s(args[0] if args else None)
            try:
                values.append(body(*args, **kwargs))
            except Exception as problem:  # noqa: BLE001 - user code may raise anything
                failures[index] = describe(problem)
        payload = codec.rows.encode_results(values) if values else b""
        return outcomes.pack(payload, failures, len(rows), first, int(seconds * 1e6))
