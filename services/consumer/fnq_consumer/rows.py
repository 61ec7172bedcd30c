"""From which row on a packed call is to be run, should its worker be lost."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import result_pb2
from fnq_consumer.held import Held
from fnq_core import keys
from fnq_core.connection import insist
from fnq_core.progress import Progress
from fnq_core.service import Spawn
from fnq_wire import outcomes
from fnq_wire.failure import from_proto

__all__ = ["Rows", "outcome_of_row"]

_log = structlog.get_logger()


class Rows:
    """The rows done of the entries held here, and in Redis for other consumers.

    Where Redis refuses that, rows may run again; their outcomes are told once all the same.
    """

    def __init__(self, consumer: str, progress: Progress, spawn: Spawn) -> None:
        self._consumer = consumer
        self._progress = progress
        self._spawn = spawn

    def note(self, held: Held, rows: int) -> None:
        """Note that the outcomes of rows below `rows` are published."""
        if rows > held.rows:
            held.rows = rows
            self._spawn(self._note(held, rows), "note rows")

    async def _note(self, held: Held, rows: int) -> None:
        try:
            await insist(
                "noting rows",
                lambda: self._progress.note(
                    held.stream, _notes(held), self._consumer, held.run, rows
                ),
            )
        except ResponseError as problem:
            _log.warning("rows are not noted", stream=held.stream, problem=str(problem))

    async def recall(self, held: Held) -> None:
        """Learn how far a call came that was left behind."""
        if not held.call.packed:
            return
        try:
            held.rows = await insist(
                "asking for rows", lambda: self._progress.rows(_notes(held), held.entry)
            )
        except ResponseError as problem:
            _log.warning("rows are not known", stream=held.stream, problem=str(problem))

    async def drop(self, ended: Iterable[Held]) -> None:
        """Forget calls of one stream that are acknowledged; raises ResponseError."""
        noted = [held for held in ended if held.rows]
        if noted:
            notes, entries = _notes(noted[0]), [held.entry for held in noted]
            await insist("forgetting rows", lambda: self._progress.drop(notes, entries))


def outcome_of_row(held: Held, failure: result_pb2.Failure) -> result_pb2.Result:
    """Return the result that says that the row at which a packed call stands has failed."""
    block = outcomes.pack(b"", {0: from_proto(failure)}, 1, held.rows)
    result = result_pb2.Result(
        call=held.call.call, epoch=held.count.epoch, position=held.rows, lengths=[1]
    )
    result.chunks.add(inline=block)
    return result


def _notes(held: Held) -> str:
    return keys.progress(held.namespace, keys.version_of(held.stream), held.call.depth)
