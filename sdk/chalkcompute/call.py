"""A call that outlives its caller: what `f.spawn(...)` returns."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from chalkcompute import runtime
from chalkcompute.errors import FnqError, NotDoneError
from chalkcompute.reply import Reply
from chalkcompute.settings import check_seconds
from fnq_wire.kinds import yields

if TYPE_CHECKING:
    from chalkcompute.inflight import Inflight, Outcome, Watched
    from chalkcompute.kept import KeptStream
    from chalkcompute.port import Session
    from fnq_wire.arrow import Codec
    from fnq_wire.inquiry import Facts

__all__ = ["Call", "CallStatus"]

R_co = TypeVar("R_co", covariant=True)
#: What comes where a call cannot be heard of, and no call ends with.
_NO_ENDS = ("ConnectionLostError", "NotFoundError", "ResultExpiredError")


@dataclass(frozen=True, slots=True)
class CallStatus:
    """How a call stood when it was asked.

    `state` is "queued", "running", "retrying", "succeeded", "failed" or "cancelled", and
    `reason` one sentence: what it waits for, where it runs, or how it ended. `worker` is
    the index of the worker that runs it, None where none does. `attempt` counts the
    executions before this one. Times are in UTC, None for what has not happened.
    """

    state: str
    reason: str
    function: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    worker: int | None
    tags: dict[str, str]


class Call(Generic[R_co]):
    """A call by its id: this process may wait for it, or any other, at any time.

    Its result is kept for `result_ttl` after its end; who asks later gets
    ResultExpiredError. Nothing happens to the call when this object is forgotten.
    """

    def __init__(
        self,
        call: bytes,
        *,
        function: str = "",
        kind: str = "",
        codec: Codec | None = None,
        sent: Inflight | None = None,
    ) -> None:
        self._call = call
        self._function = function
        self._kind = kind
        self._codec = codec
        #: Of a call that this process spawned: what it hears of that.
        self._sent = sent
        #: What hears of the end, and the session that it is asked of.
        self._heard: tuple[Session, Watched] | None = None

    @classmethod
    def from_id(cls, id: str) -> Call[Any]:  # noqa: A002 - as people call it
        """Return a handle of the call of that id, whoever made it; nothing is asked yet.

        Raises ValueError for text that is no id. That there is no such call, or its result
        is gone, is told by what asks for it: NotFoundError, ResultExpiredError.
        """
        import uuid

        from fnq_wire import callid

        if not isinstance(id, str):
            raise TypeError(f"id: expected the text of an id, not {type(id).__name__}")
        try:
            call = uuid.UUID(id).bytes
            callid.parse(call)
        except ValueError:
            raise ValueError(
                f"id: expected what Call.id gave, such as '01990c3e-...', not {id!r}"
            ) from None
        return cls(call)

    @property
    def id(self) -> str:
        """Return the id of the call as text, for `from_id`."""
        from fnq_wire import callid

        return callid.text(self._call)

    @property
    def function(self) -> str:
        """Return the name of the function; a server is asked where only the id is known."""
        if not self._function:
            self._learn()
        return self._function

    def get(self, timeout: float | None = None) -> R_co:
        """Block until the call has ended; return its value, or raise its failure.

        After `timeout` seconds NotDoneError, a TimeoutError, is raised, and the call goes
        on; with 0 a server is asked whether it has ended. May be repeated. A call of a
        generator gives a stream of what it yields at once; where only its id is known, once
        it has ended.
        """
        if timeout is not None:
            check_seconds("timeout", timeout, zero=True)
        if self._streams:
            return cast("R_co", self.stream())
        if timeout == 0 and self.poll():
            timeout = None  # It is on its way.
        session, watched = self._hear()
        with watched.gate() as gate:
            session.park(gate, timeout)
        return self._conclude(session, watched, timeout)

    async def aio(self, timeout: float | None = None) -> R_co:
        """Do as `get` for an event loop, which goes on meanwhile; `await call` does it too.

        Cancelling the awaiting task leaves the call alone.
        """
        import asyncio

        if timeout is not None:
            check_seconds("timeout", timeout, zero=True)
        if self._streams:
            return cast("R_co", await runtime.aside(self.stream))
        if timeout == 0:
            ended = self.poll() if runtime.in_worker() else await runtime.in_thread(self.poll)
            timeout = None if ended else 0
        session, watched = await runtime.aside(self._hear)
        with watched.gate() as gate:
            try:
                async with asyncio.timeout(timeout):
                    await session.park_async(gate)
            except TimeoutError:
                if watched.outcome is None:
                    raise self._not_done(timeout) from None
        return self._conclude(session, watched, timeout)

    def __await__(self) -> Generator[Any, None, R_co]:
        return self.aio().__await__()

    def poll(self) -> bool:
        """Return whether the call has ended; a server is asked, and the call not waited for."""
        if self._heard is not None and _is_end(self._heard[1].outcome):
            return True
        return bool(self._ask()["ended_ms"])

    def stream(self, after: int = 0) -> KeptStream[Any]:
        """Return what a generator yields, from position `after` on: 0 is the first chunk.

        Any number of streams may read one call, here and elsewhere, also after its end.
        Leaving one leaves the call alone.
        """
        from chalkcompute.kept import KeptStream

        if not isinstance(after, int) or isinstance(after, bool) or after < 0:
            raise ValueError(f"after: expected a position, 0 or more, not {after!r}")
        session = runtime.current_session()
        return KeptStream(self._reply(session, session.watch(self._call, after)), after)

    def status(self) -> CallStatus:
        """Return how the call stands now.

        Raises NotFoundError for an id that never was, ResultExpiredError for one whose
        result has had its time.
        """
        found = self._ask()
        return CallStatus(
            state=found["state"],
            reason=found["why"],
            function=found["function"],
            created_at=_time(found["queued_ms"]),
            started_at=_time(found["started_ms"]) if found["started_ms"] else None,
            ended_at=_time(found["ended_ms"]) if found["ended_ms"] else None,
            attempt=found["attempt"],
            worker=found["worker"],
            tags=found["tags"],
        )

    def cancel(self) -> bool:
        """End the call for all who wait for it, and stop its run; False where it had ended.

        Whoever gets it has CallCancelledError.
        """
        return self._settled().stop(self._call)

    def logs(self) -> list[str]:
        """Return the lines that the call printed so far, as far as they are kept."""
        return self._settled().lines(self._call)

    def _keyed(self) -> Call[R_co]:
        """Return the call once it is accepted: the one that has its idempotency key.

        Raises KeyConflictError where that has other arguments.
        """
        found = self._ask()
        self._call = bytes.fromhex(found["call"])
        if found["error"] == "KeyConflictError":
            self.get()
        return self

    @property
    def _streams(self) -> bool:
        return yields(self._kind)

    def _hear(self) -> tuple[Session, Watched]:
        """Return what hears of the end, and the session to park for it with.

        One that heard of no end is asked for anew, as is one of another session than the
        process has now: it is closed, or that of the process that this one was forked from.
        """
        heard = self._heard
        if heard is not None and _is_end(heard[1].outcome):
            return heard
        session = runtime.current_session()
        if heard is None or heard[0] is not session or heard[1].outcome is not None:
            heard = self._heard = session, session.watch(self._call, end_only=True)
        return heard

    def _conclude(self, session: Session, watched: Watched, timeout: float | None) -> R_co:
        outcome = watched.outcome
        if not _is_end(outcome) and self._sent is not None:
            # A refusal says more than that nothing is known of the call.
            outcome = self._sent.outcome or outcome
        if outcome is None:
            raise self._not_done(timeout)
        if outcome.exhausted:
            return cast("R_co", self.stream())
        reply = self._reply(session, watched)
        if outcome.value is None:
            raise reply.problem(outcome)
        # Read only, so that what is had here shares no memory with what is had later.
        value: Any = reply.codec.decode_result(memoryview(outcome.value).toreadonly())
        return cast("R_co", value)

    def _not_done(self, timeout: float | None) -> FnqError:
        return NotDoneError(
            f"the call has not ended within {timeout} s; it goes on: get it later",
            call_id=self.id,
            function=self._function,
        )

    def _reply(self, session: Session, watched: Watched) -> Reply:
        from fnq_wire.arrow import Codec

        codec = self._codec or Codec.of_parameters((), self._function or "function")
        return _KeptReply(session, watched, codec, self._function, self.id)

    def _settled(self) -> Session:
        """Return the session, once a call that was spawned here is known to the servers."""
        session = runtime.current_session()
        if self._sent is not None:
            session.settle(self._sent)
        return session

    def _ask(self) -> Facts:
        return self._settled().show(self._call)

    def _learn(self) -> None:
        found = self._ask()
        self._function, self._kind = found["function"], found["kind"]

    def __del__(self) -> None:
        heard = getattr(self, "_heard", None)
        if heard is not None and heard[1].outcome is None:
            # Not the process' session of now: a finalizer must not open one.
            heard[0].cancel(heard[1])

    def __repr__(self) -> str:
        return f"<Call of {self._function}, {self.id}>" if self._function else f"<Call {self.id}>"


class _KeptReply(Reply):
    """The answer to a call that was asked for under another id."""

    __slots__ = ("_id",)

    def __init__(
        self, session: Session, inflight: Inflight, codec: Codec, function: str, identity: str
    ) -> None:
        super().__init__(session, inflight, codec, function)
        self._id = identity

    @property
    def call_id(self) -> str:
        return self._id


def _is_end(outcome: Outcome | None) -> bool:
    """Whether the call ended so, and not just the question for it."""
    if outcome is None or outcome.failure is None:
        return outcome is not None
    return outcome.failure.get("error") not in _NO_ENDS


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
