"""The answer to one call, on its way to the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalkcompute import runtime
from chalkcompute.context import check_depth
from chalkcompute.errors import FnqError, PayloadTooLargeError

if TYPE_CHECKING:
    from chalkcompute.inflight import Inflight, Outcome, Target
    from chalkcompute.port import Session
    from fnq_wire.arrow import Codec

__all__ = ["Reply", "send"]


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
            from fnq_wire.failure import revive

            return revive(
                outcome.failure,
                call_id=self.call_id,
                function=self.function,
                attempt=outcome.attempt,
            )
        expected, came = (
            ("a value", "the end of a stream") if outcome.exhausted else ("chunks", "a value")
        )
        return FnqError(
            f"the call of {self.function!r} expected {expected}, and {came} came",
            call_id=self.call_id,
            function=self.function,
            attempt=outcome.attempt,
        )

    def _conclude(self, outcome: Outcome) -> object:
        if outcome.value is None:
            raise self.problem(outcome)
        return self.codec.decode_result(outcome.value)


def send(target: Target, payload: bytes, codec: Codec) -> Reply:
    """Submit a call and return its reply at once; too deep a call is a NestingTooDeepError."""
    check_depth(target.name)
    session = runtime.current_session()
    try:
        inflight = session.submit(target, payload)
    except PayloadTooLargeError as problem:
        sizes = codec.sizes(payload)
        name = max(sizes, key=sizes.__getitem__)
        raise PayloadTooLargeError(
            f'{problem}; argument "{name}" has {sizes[name]} of them: '
            "pass a path or an address of the data instead",
            function=target.name,
        ) from None
    return Reply(session, inflight, codec, target.name)
