"""Run batches: call the function with the items of many calls, and end each call by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from fnq_runner.answer import Answer
from fnq_runner.depot import Depot
from fnq_runner.fault import GoneError, UnsendableError
from fnq_runner.halving import Halving
from fnq_runner.handler import Handler
from fnq_runner.harvest import Harvest
from fnq_runner.host import Host
from fnq_runner.invocation import Interrupted, Invocation
from fnq_runner.member import Member
from fnq_runner.pipe import Pipe
from fnq_wire.batchframe import read_batch
from fnq_wire.items import Arguments
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Kind, encode

if TYPE_CHECKING:
    from fnq_wire.arrow import Codec

__all__ = ["Batches"]


class Batches:
    """Run the batches of one function, with `size` items at most in a call of it.

    `decode` gives the arguments in the payload of one item, `value` writes down what was
    returned for one, `failed` makes the frame that ends a call, or a whole batch, with
    what was raised. With `bisect` a batch for which the function raises is halved until
    the guilty items stand alone.
    """

    def __init__(
        self,
        pipe: Pipe,
        host: Host,
        handler: Handler,
        codec: Codec,
        depot: Depot,
        decode: Callable[[bytes | Spooled], Arguments],
        value: Callable[[object], bytes | Spooled],
        failed: Callable[[Invocation | Member, BaseException], bytes],
        *,
        size: int,
        bisect: bool,
    ) -> None:
        self._pipe = pipe
        self._host = host
        self._handler = handler
        self._codec = codec
        self._depot = depot
        self._decode = decode
        self._value = value
        self._failed = failed
        self._size = size
        self._bisect = bisect

    def run(self, invocation: Invocation) -> bytes:
        """Run a batch of a sync function; return the frame that ends it as a whole."""
        try:
            self._host.expose(invocation)
            work = self._open(invocation)
            while (items := work.next()) is not None:
                try:
                    returned = self._handler.call(items)
                except BaseException as problem:
                    self._raised(work, problem)
                else:
                    self._returned(work, returned)
            invocation.interruptible = False
        except BaseException as problem:
            invocation.interruptible = False
            return self._failed(invocation, problem)
        return _over(invocation)

    async def run_async(self, invocation: Invocation) -> bytes:
        """Do as `run` for an async function, on the running loop."""
        try:
            work = self._open(invocation)
            while (items := work.next()) is not None:
                try:
                    returned = await self._handler.call(items)
                except BaseException as problem:
                    self._raised(work, problem)
                else:
                    self._returned(work, returned)
        except BaseException as problem:
            return self._failed(invocation, problem)
        return _over(invocation)

    def _open(self, invocation: Invocation) -> _Work:
        """Read what the calls of a batch pass; one that cannot be read ends at once."""
        items: list[Arguments] = []
        answers: list[Answer] = []
        for what in read_batch(invocation.take_payload()):
            member = Member(invocation, what)
            try:
                member.items = self._items(member)
            except Exception as problem:
                self._tell(invocation, [self._failed(member, problem)])
                continue
            answer = Answer(member, self._harvest(member), self._value, self._failed)
            items += member.items
            answers += repeat(answer, len(member.items))
        # One at a time where one of them seems to kill its workers.
        size = 1 if invocation.careful else self._size
        halving = Halving(len(items), size, enabled=self._bisect)
        return _Work(invocation, items, answers, halving)

    def _items(self, member: Member) -> Sequence[Arguments]:
        if not member.packed:
            return [self._decode(member.payload)]
        try:
            payload = self._depot.view(member.payload)
        except OSError as problem:
            raise GoneError(problem) from problem
        rows = list(self._codec.rows.decode_arguments(payload, member.position))
        if not rows:
            raise UnsendableError("a packed call has no row that is left to be run")
        return rows

    def _harvest(self, member: Member) -> Harvest | None:
        if not member.packed:
            return None
        rows = self._codec.rows
        return Harvest(member, rows, self._handler.name, self._depot, self._pipe, self._host)

    def _raised(self, work: _Work, problem: BaseException) -> None:
        """Have halves tried where a part of a batch raised, or fail it."""
        if work.invocation.cancelled or isinstance(problem, Interrupted):
            raise problem
        if not isinstance(problem, Exception) or not work.halving.failed(work.part):
            self._tell(work.invocation, work.give(repeat(problem)))

    def _returned(self, work: _Work, returned: Any) -> None:
        """Answer the calls of a part for which the function has returned."""
        results: Iterable[Any]
        try:
            results = self._handler.results(returned, len(work.part))
        except (ValueError, TypeError) as problem:
            # Of the whole part: which items it concerns cannot be told.
            results = repeat(problem)
        self._tell(work.invocation, work.give(results))

    def _tell(self, invocation: Invocation, ends: Sequence[bytes]) -> None:
        shielded = self._host.shield()
        try:
            if not invocation.ended:
                # At once: what comes next may kill this process.
                self._pipe.send(*ends)
        finally:
            self._host.expose(shielded)


class _Work:
    """A batch under way: all items, the answer that each is part of, and what is tried now."""

    def __init__(
        self,
        invocation: Invocation,
        items: list[Arguments],
        answers: list[Answer],
        halving: Halving,
    ) -> None:
        self.invocation = invocation
        self._items = items
        self._answers = answers
        self.halving = halving
        self.part = range(0)

    def next(self) -> Sequence[Arguments] | None:
        """Return the items to call the function with now; None when all were tried."""
        part = self.halving.next()
        if part is None:
            return None
        self.part = part
        return self._items[part.start : part.stop]

    def give(self, results: Iterable[object]) -> list[bytes]:
        """Answer the items that were tried with their results; return the ends of calls."""
        answers = self._answers[self.part.start : self.part.stop]
        ends = [answer.give(result) for answer, result in zip(answers, results, strict=False)]
        return [end for end in ends if end is not None]


def _over(invocation: Invocation) -> bytes:
    """Return the frame that says that each call of a batch has its end."""
    return encode(Kind.EXHAUSTED, invocation.call, invocation.epoch)
