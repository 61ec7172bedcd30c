"""The answer to one call, on its way to the caller."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalkcompute import runtime
from chalkcompute.context import check_depth
from chalkcompute.errors import FnqError, PayloadTooLargeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalkcompute.inflight import Inflight, Outcome, Target, Terms
    from chalkcompute.port import Session
    from fnq_wire.arrow import Codec
    from fnq_wire.pieces import Payload
    from fnq_wire.rows import Row

__all__ = ["Reply", "RowsReply", "send", "send_rows", "spawn"]


class Reply:
    """One call in flight, and what turns its bytes into values and errors."""

    __slots__ = ("codec", "function", "inflight", "session")

    def __init__(self, session: Session, inflight: Inflight, codec: Codec, function: str) -> None:
        self.session = session
        self.inflight = inflight
        self.codec = codec
        self.function = function

    @property
    def call_id(self) -> str:
        """Return the id of the call as people see it."""
        from fnq_wire import callid

        return callid.text(self.inflight.call)

    def cancel(self) -> None:
        """Ask for the end of the call; may be repeated, also after it."""
        self.session.cancel(self.inflight)

    def park(self) -> None:
        """Block this invocation until there is news; cancel the call when that is interrupted."""
        try:
            self.session.park(self.inflight, None)
        except BaseException:
            self.session.cancel(self.inflight)
            raise

    async def park_async(self) -> None:
        """Do as `park` for the running event loop."""
        try:
            await self.session.park_async(self.inflight)
        except BaseException:
            self.session.cancel(self.inflight)
            raise

    def value(self) -> object:
        """Block until the call ended; return its value or raise its failure."""
        inflight = self.inflight
        while inflight.outcome is None:
            self.park()
        return self._conclude(inflight.outcome)

    async def value_async(self) -> object:
        """Do as `value` for the running event loop."""
        inflight = self.inflight
        while inflight.outcome is None:
            await self.park_async()
        return self._conclude(inflight.outcome)

    def problem(self, outcome: Outcome) -> FnqError:
        """Return what to raise for an outcome that is not the one expected."""
        if outcome.failure is not None:
            return self.revive(outcome.failure, outcome.attempt)
        expected, came = (
            ("a value", "the end of a stream") if outcome.exhausted else ("chunks", "a value")
        )
        return FnqError(
            f"the call of {self.function!r} expected {expected}, and {came} came",
            call_id=self.call_id,
            function=self.function,
            attempt=outcome.attempt,
        )

    def revive(self, failure: Mapping[str, object], attempt: int) -> FnqError:
        """Return what to raise for a failure of this call, or of one of its rows."""
        from chalkcompute.inherited import missed
        from fnq_wire.failure import revive

        error = revive(failure, call_id=self.call_id, function=self.function, attempt=attempt)
        if remedy := missed(str(error), os.environ):
            error.add_note(remedy)
        return error

    def _conclude(self, outcome: Outcome) -> object:
        if outcome.value is None:
            raise self.problem(outcome)
        return self.codec.decode_result(outcome.value)


class RowsReply(Reply):
    """The answer to one call of packed rows; its value is a list with that of each row."""

    __slots__ = ()

    def value(self) -> list[object]:
        """Block until all rows have their values; raise the failure of the first that has one."""
        values: list[object] = []
        while not self._collect(values):
            self.park()
        return values

    async def value_async(self) -> list[object]:
        """Do as `value` for the running event loop."""
        values: list[object] = []
        while not self._collect(values):
            await self.park_async()
        return values

    def _collect(self, values: list[object]) -> bool:
        """Take the values that have come; return whether they are all."""
        # First: chunks that come after this look are before the outcome all the same.
        outcome = self.inflight.outcome
        while self.inflight.chunks:
            block = self.codec.rows.read_block(self.inflight.chunks.popleft(), len(values))
            for failure in block.failures.values():
                raise self.revive(failure, 0)
            values += block.values
        if outcome is not None and not outcome.exhausted:
            raise self.problem(outcome)
        return outcome is not None


def send_rows(
    target: Target, codec: Codec, rows: Sequence[Row], terms: Terms | None = None
) -> RowsReply:
    """Submit a call of packed rows and return its reply at once; errors as in `send`.

    Raises what encoding the first row that cannot travel does.
    """
    sent = send(target, codec.rows.encode_arguments(rows), codec, terms, len(rows))
    return RowsReply(sent.session, sent.inflight, codec, target.name)


def send(
    target: Target,
    payload: Payload,
    codec: Codec,
    terms: Terms | None = None,
    rows: int = 0,
) -> Reply:
    """Submit a call and return its reply at once; too deep a call is a NestingTooDeepError.

    With `rows` the payload has so many, and the call is answered row by row.
    """
    session = runtime.current_session()
    submit = functools.partial(session.submit, rows=rows or 1, packed=rows > 0)
    inflight = _sent(submit, target, payload, codec, terms)
    return Reply(session, inflight, codec, target.name)


def spawn(target: Target, payload: Payload, codec: Codec, terms: Terms | None) -> Inflight:
    """Submit a call that outlives its caller, and return what hears of it; errors as in `send`."""
    return _sent(runtime.current_session().spawn, target, payload, codec, terms)


def _sent(
    submit: Callable[[Target, Payload, Terms | None], Inflight],
    target: Target,
    payload: Payload,
    codec: Codec,
    terms: Terms | None,
) -> Inflight:
    check_depth(target.name)
    try:
        return submit(target, payload, terms)
    except PayloadTooLargeError as problem:
        sizes = codec.sizes(payload)
        name = max(sizes, key=sizes.__getitem__)
        raise PayloadTooLargeError(
            f'{problem}; argument "{name}" has {sizes[name]} of them: '
            "pass a path or an address of the data instead",
            function=target.name,
        ) from None
