"""Run one invocation: decode its arguments, call the function, tell what became of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from chalkcompute.context import current
from fnq_runner.batches import Batches
from fnq_runner.depot import Depot, NoRoomError
from fnq_runner.docket import Docket
from fnq_runner.fault import GoneError, UnsendableError, no_room, told, too_large
from fnq_runner.handler import Handler
from fnq_runner.host import Host
from fnq_runner.invocation import CURRENT, Interrupted, Invocation
from fnq_runner.member import Member
from fnq_runner.output import Output
from fnq_runner.packed import Packed, lists_of
from fnq_runner.pipe import Pipe
from fnq_runner.retriable import Kinds, is_retriable
from fnq_wire import failure
from fnq_wire.error import SerializationError
from fnq_wire.limits import INLINE
from fnq_wire.pipe import Decoder, Kind, encode, encode_json, read_payload

if TYPE_CHECKING:
    from fnq_wire.arrow import Codec
    from fnq_wire.pieces import Payload, Spooled

__all__ = ["Invoker"]


class Invoker:
    """Run invocations of one function; `load` gives it the function.

    STARTED is written before any user code runs. Each run posts exactly one end,
    unless it was abandoned, and gives its slot back after that.
    """

    def __init__(
        self,
        pipe: Pipe,
        docket: Docket,
        output: Output,
        depot: Depot,
        name: str,
        version: str,
    ) -> None:
        self._pipe = pipe
        self._docket = docket
        self._output = output
        self._depot = depot
        self._name = name
        self._version = version
        self._host: Host
        self._function: Callable[..., Any]
        self._codec: Codec
        self._streams = False
        self._packed: Packed
        self._retry_on: Kinds = ()
        #: Set where the function takes batches.
        self._batches: Batches | None = None

    def attach(self, host: Host) -> None:
        """Name the host that runs what this tells it to."""
        self._host = host

    def load(
        self,
        function: Callable[..., Any],
        codec: Codec,
        streams: bool,
        concurrency: int = 1,
        retry_on: Kinds = (),
    ) -> None:
        """Name the function, once it is imported.

        `streams` says that it is a generator; `concurrency` counts the rows of packed
        calls that run at once where it is async. An attempt that raises one of `retry_on`
        may be repeated; the end says so.
        """
        self._function, self._codec, self._streams = function, codec, streams
        self._retry_on = retry_on
        if streams:
            # A row is answered with all that it yields.
            function, codec = lists_of(function), codec.listed()
        self._packed = Packed(
            function, codec, self._name, concurrency, self._pipe, self._host, self._depot
        )

    def batch(self, size: int, *, bisect: bool) -> None:
        """Take note that the function, which is loaded, takes batches of `size` items."""
        self._batches = Batches(
            self._pipe,
            self._host,
            Handler(self._function, self._name),
            self._codec,
            self._depot,
            self._decode,
            self._encode,
            self._failed,
            size=size,
            bisect=bisect,
        )

    def run(self, invocation: Invocation) -> None:
        """Say that a sync function begins, and run it on this thread."""
        # In this order: an agent that has revoked a dispatch, and has read all that
        # came before it saw STARTED, knows that it will not begin.
        self._pipe.send(self.started(invocation))
        self._pipe.catch_up()
        if invocation.withdrawn:
            self._finish(invocation, self.revoked(invocation))
            return
        self._enter(invocation)
        try:
            if self._batches is not None:
                end = self._batches.run(invocation)
            elif invocation.packed:
                end = self._call_rows(invocation)
            else:
                end = self._generate(invocation) if self._streams else self._call(invocation)
        except Interrupted as problem:
            # Came in the few instructions between a failure and its handler.
            end = self._failed(invocation, problem)
        self._finish(invocation, end)

    async def run_async(self, invocation: Invocation) -> None:
        """Run an async function on the running loop, which has told that it started."""
        self._enter(invocation)
        if invocation.cancelled:
            end = self.cancelled(invocation)
        elif self._batches is not None:
            end = await self._batches.run_async(invocation)
        elif invocation.packed:
            end = await self._call_rows_async(invocation)
        elif self._streams:
            end = await self._generate_async(invocation)
        else:
            end = await self._call_async(invocation)
        self._finish(invocation, end)

    def started(self, invocation: Invocation) -> bytes:
        return encode(Kind.STARTED, invocation.call, invocation.epoch)

    def revoked(self, invocation: Invocation) -> bytes:
        return encode(Kind.REVOKED, invocation.call, invocation.epoch)

    def cancelled(self, invocation: Invocation | Member) -> bytes:
        text = invocation.reason or "the call was cancelled"
        return self._end(invocation, failure.make("CallCancelledError", text))

    def _enter(self, invocation: Invocation) -> None:
        invocation.began = True
        CURRENT.set(invocation)
        current.set(invocation.context(self._name, self._version))

    def _finish(self, invocation: Invocation, end: bytes) -> None:
        self._output.finish(invocation)
        if self._docket.close(invocation):
            self._pipe.post(end)
        else:
            for frame in Decoder().feed(end):
                self._depot.drop(read_payload(frame))
        self._docket.release(invocation)
        self._host.ended(invocation)

    def _call(self, invocation: Invocation) -> bytes:
        try:
            self._host.expose(invocation)
            args, kwargs = self._decode(invocation.take_payload())
            body = self._encode(self._function(*args, **kwargs))
            invocation.interruptible = False
        except BaseException as problem:
            invocation.interruptible = False
            return self._failed(invocation, problem)
        return encode(Kind.VALUE, invocation.call, invocation.epoch, 0, body)

    def _call_rows(self, invocation: Invocation) -> bytes:
        try:
            self._host.expose(invocation)
            self._packed.run(invocation)
            invocation.interruptible = False
        except BaseException as problem:
            invocation.interruptible = False
            return self._failed(invocation, problem)
        return self._exhausted(invocation)

    async def _call_rows_async(self, invocation: Invocation) -> bytes:
        try:
            await self._packed.run_async(invocation)
        except BaseException as problem:
            return self._failed(invocation, problem)
        return self._exhausted(invocation)

    def _generate(self, invocation: Invocation) -> bytes:
        generator: Generator[Any, Any, Any] | None = None
        try:
            self._host.expose(invocation)
            args, kwargs = self._decode(invocation.take_payload())
            generator = self._function(*args, **kwargs)
            self._await_credit(invocation)
            for value in generator:
                self._emit(invocation, self._encode(value))
                self._await_credit(invocation)
            invocation.interruptible = False
        except BaseException as problem:
            invocation.interruptible = False
            end = self._failed(invocation, problem)
            if generator is not None:
                self._close(generator)
            return end
        return self._exhausted(invocation)

    async def _call_async(self, invocation: Invocation) -> bytes:
        try:
            args, kwargs = self._decode(invocation.take_payload())
            running: Coroutine[Any, Any, Any] = self._function(*args, **kwargs)
            body = self._encode(await running)
        except BaseException as problem:
            return self._failed(invocation, problem)
        return encode(Kind.VALUE, invocation.call, invocation.epoch, 0, body)

    async def _generate_async(self, invocation: Invocation) -> bytes:
        generator: AsyncGenerator[Any, Any] | None = None
        try:
            args, kwargs = self._decode(invocation.take_payload())
            generator = self._function(*args, **kwargs)
            await self._host.wait_async(invocation, invocation.has_credit)
            async for value in generator:
                self._emit(invocation, self._encode(value))
                if not invocation.has_credit():
                    await self._host.wait_async(invocation, invocation.has_credit)
        except BaseException as problem:
            end = self._failed(invocation, problem)
            if generator is not None:
                await self._aclose(generator)
            return end
        return self._exhausted(invocation)

    def _exhausted(self, invocation: Invocation) -> bytes:
        return encode(Kind.EXHAUSTED, invocation.call, invocation.epoch, invocation.position)

    def _decode(self, payload: bytes | Spooled) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call."""
        try:
            return self._codec.decode_arguments(self._depot.view(payload))
        except OSError as problem:
            raise GoneError(problem) from problem
        except SerializationError as problem:
            raise UnsendableError(f"the arguments of {self._name!r}: {problem}") from problem

    def _encode(self, value: object) -> bytes | Spooled:
        """Return what a function returned or yielded, as bytes, or where these lie."""
        what = "yielded" if self._streams else "returned"
        try:
            body = self._codec.lay_out_result(value)
        except SerializationError as problem:
            raise UnsendableError(f"the value that {self._name!r} {what}: {problem}") from problem
        if len(body) > self._depot.most:
            raise too_large(self._name, what, len(body), self._depot.most)
        try:
            return self._put(body)
        except NoRoomError as problem:
            raise no_room(self._name, what, len(body), problem) from problem

    def _put(self, payload: Payload) -> bytes | Spooled:
        """Return what is sent for a payload; an interrupt leaves nothing in the spool."""
        if len(payload) <= INLINE:
            return self._depot.put(payload)
        shielded = self._host.shield()
        placed: bytes | Spooled = b""
        try:
            placed = self._depot.put(payload)
        finally:
            try:
                self._host.expose(shielded)
            except BaseException:
                self._depot.drop(placed)
                raise
        return placed

    def _emit(self, invocation: Invocation, body: bytes | Spooled) -> None:
        shielded = self._host.shield()
        try:
            if invocation.ended:
                # Abandoned: nobody takes what it yields any more.
                raise Interrupted(invocation.reason)
            position = invocation.position
            self._pipe.send(encode(Kind.CHUNK, invocation.call, invocation.epoch, position, body))
            invocation.position = position + 1
            invocation.emitted += len(body)
        finally:
            self._host.expose(shielded)

    def _await_credit(self, invocation: Invocation) -> None:
        """Wait while the reader is behind; the slot is not lent meanwhile."""
        if invocation.has_credit():
            return
        shielded = self._host.shield()
        try:
            self._host.wait(invocation, invocation.has_credit, None)
        finally:
            self._host.expose(shielded)

    def _close(self, generator: Generator[Any, Any, Any]) -> None:
        try:
            generator.close()
        except BaseException as problem:
            self._tell_of_cleanup(problem)

    async def _aclose(self, generator: AsyncGenerator[Any, Any]) -> None:
        try:
            await generator.aclose()
        except BaseException as problem:
            self._tell_of_cleanup(problem)

    def _tell_of_cleanup(self, problem: BaseException) -> None:
        """Say what went wrong while a generator cleaned up; its call has its end already."""
        trace = failure.describe(problem)["traceback"]
        self._output.note(f"an error while a generator was closed:\n{trace}")

    def _failed(self, invocation: Invocation | Member, problem: BaseException) -> bytes:
        """Return the end of an invocation that raised."""
        if invocation.cancelled or isinstance(problem, Interrupted):
            return self.cancelled(invocation)
        retry = is_retriable(problem, self._retry_on)
        return self._end(invocation, told(problem), retry=retry)

    def _end(
        self,
        invocation: Invocation | Member,
        envelope: failure.Envelope,
        *,
        retry: bool = False,
    ) -> bytes:
        body: dict[str, object] = {**envelope}
        if retry:
            body["retry"] = True
        return encode_json(
            Kind.FAILED, body, invocation.call, invocation.epoch, invocation.position
        )
