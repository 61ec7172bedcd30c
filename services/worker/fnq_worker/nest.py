"""Nested calls: one session to a server for all runners of this agent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio

from fnq.v1 import (
    calls_pb2,
    calls_pb2_grpc,
    control_pb2,
    control_pb2_grpc,
    session_pb2,
    session_pb2_grpc,
)
from fnq_core.backoff import Backoff
from fnq_core.blobs import Blobs
from fnq_core.dialer import Dialer
from fnq_core.rpc import EOF
from fnq_wire import inquiry
from fnq_wire.finder import Finder
from fnq_wire.parcel import Opener
from fnq_wire.session import BYE_S, LINGER_S, ClientSession, Event
from fnq_wire.spool import Spool
from fnq_wire.tls import PLAIN, Tls
from fnq_wire.transport import metadata
from fnq_worker.stream import keep_stream

__all__ = ["Nest"]

#: Seconds until a question is asked again that lost its server.
_AGAIN_S = 0.05
_T = TypeVar("_T")


class Nest:
    """The agent's side of its runners' calls; each Event goes to `deliver`.

    The session is with the server that `servers` finds, or goes on with another one.
    It says which spool there is: `blobs` uses it from then on. Large values in it are
    opened by `opener`.
    """

    def __init__(
        self,
        servers: Finder,
        namespace: str,
        token: str | None,
        blobs: Blobs,
        deliver: Callable[[Event], None],
        fatal: Callable[[BaseException], None],
        opener: Opener,
        tls: Tls = PLAIN,
    ) -> None:
        self._dialer = Dialer(servers, tls)
        self._namespace = namespace
        self._metadata = metadata(token)
        self._blobs = blobs
        self._deliver = deliver
        self._fatal = fatal
        self.session = ClientSession(namespace, "fnq-worker", agent=True, opener=opener)
        self._granted = asyncio.Event()
        self._connected = asyncio.Event()
        self._news = asyncio.Event()
        #: Set with each frame that comes: calls may be accepted.
        self._heard = asyncio.Event()
        self._leaving = False
        self._left = asyncio.Event()
        self._channel: grpc.aio.Channel | None = None

    async def granted(self) -> None:
        """Return when a server has granted the session."""
        await self._granted.wait()

    def wake(self) -> None:
        """Send what `session` has to say."""
        self._news.set()

    async def leave(self) -> None:
        """End the session, with what was spawned accepted: the server cancels what is in flight.

        Takes twice BYE_S at most.
        """
        if not self.session.granted:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BYE_S):
                await self._await(lambda: not self.session.unsafe)
        self._leaving = True
        self._news.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BYE_S):
                await self._left.wait()

    async def settle(self, call: bytes) -> None:
        """Return when a detached call is accepted, or refused."""
        await self._await(lambda: call not in self.session.unsafe)

    async def _await(self, true: Callable[[], bool]) -> None:
        """Return when what the server says has made something true."""
        while not true():
            self._heard.clear()
            await self._heard.wait()

    async def show(self, call: bytes) -> inquiry.Facts:
        """Return what is known of a call. Raises AioRpcError."""
        request = inquiry.show_request(self._namespace, call)

        async def ask(stub: calls_pb2_grpc.CallsStub) -> inquiry.Facts:
            return inquiry.facts(await stub.Show(request, metadata=self._metadata))

        return await self._ask(ask, calls_pb2_grpc.CallsStub)

    async def stop(self, call: bytes) -> bool:
        """Cancel a call; return whether it had not ended. Raises AioRpcError."""
        request = inquiry.cancel_request(self._namespace, call)

        async def ask(stub: calls_pb2_grpc.CallsStub) -> bool:
            reply: calls_pb2.CancelCallReply = await stub.Cancel(request, metadata=self._metadata)
            return reply.cancelled

        return await self._ask(ask, calls_pb2_grpc.CallsStub)

    async def lines(self, call: bytes) -> list[str]:
        """Return what a call printed. Raises AioRpcError."""
        request = inquiry.logs_request(self._namespace, call)

        async def ask(stub: control_pb2_grpc.ControlStub) -> list[str]:
            return [line.text async for line in stub.Logs(request, metadata=self._metadata)]

        return await self._ask(ask)

    async def lookup(self, name: str, number: int) -> control_pb2.FunctionVersion:
        """Return a deployed version. Raises AioRpcError."""
        request = control_pb2.LookupRequest(namespace=self._namespace, name=name, number=number)

        async def ask(stub: control_pb2_grpc.ControlStub) -> control_pb2.FunctionVersion:
            found: control_pb2.FunctionVersion = await stub.Lookup(request, metadata=self._metadata)
            return found

        return await self._ask(ask)

    async def wait_ready(self, version: str, timeout_s: float | None) -> control_pb2.Readiness:
        """Return how waiting for a worker ended: still "waiting" after `timeout_s` seconds.

        Raises AioRpcError.
        """
        request = control_pb2.WaitReadyRequest(namespace=self._namespace, version=version)
        last = control_pb2.Readiness(state="waiting", reason="the server does not answer")

        async def ask(stub: control_pb2_grpc.ControlStub) -> None:
            nonlocal last
            async for now in stub.WaitReady(request, metadata=self._metadata):
                last = now

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ask(ask)
        return last

    async def _ask(
        self,
        ask: Callable[[Any], Awaitable[_T]],
        kind: Callable[[Any], Any] = control_pb2_grpc.ControlStub,
    ) -> _T:
        """Return what a server answers: the next one, where one goes away meanwhile."""
        while True:
            await self._connected.wait()
            link = self._channel
            try:
                return await ask(kind(link))
            except grpc.aio.AioRpcError as problem:
                if problem.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            except asyncio.CancelledError:
                # Comes as well where the channel was closed.
                task = asyncio.current_task()
                if link is self._channel or (task is not None and task.cancelling()):
                    raise
            await asyncio.sleep(_AGAIN_S)

    async def keep_forever(self) -> None:
        """Hold a stream to a server, and take it up again when it breaks, until `leave`."""
        await keep_stream("server", self._dialer, self._serve, self._fatal, self._left.is_set)

    async def _serve(self, link: grpc.aio.Channel, backoff: Backoff) -> None:
        stream = session_pb2_grpc.SessionsStub(link).Open(metadata=self._metadata)
        await stream.write(self.session.hello())
        frame = await stream.read()
        if frame is EOF:
            return
        backoff.reset()
        spool = Spool.shared(frame.welcome.spool, frame.welcome.nonce)
        self._blobs.share(spool)
        self.session.welcome(frame.welcome, spool)
        self._channel = link
        self._connected.set()
        self._granted.set()
        self._news.set()
        writer = asyncio.get_running_loop().create_task(self._write(stream))
        try:
            while (frame := await stream.read()) is not EOF:
                for event in self.session.receive(frame):
                    self._deliver(event)
                if self.session.litter:
                    await asyncio.to_thread(self.session.clear_away)
                self._news.set()
                self._heard.set()
                if frame.goaway:
                    return
            if self._leaving and writer.done():
                self._left.set()
        finally:
            self._connected.clear()
            self._channel = None
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    async def _write(self, stream: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        while True:
            await self._news.wait()
            self._news.clear()
            if self._leaving:
                await stream.write(session_pb2.ClientFrame(bye=True))
                return
            if not self.session.urgent and not self.session.idle:
                # Only acknowledgements: give them something to travel with.
                try:
                    async with asyncio.timeout(LINGER_S):
                        await self._news.wait()
                except TimeoutError:
                    pass
            while (frame := self.session.take()) is not None:
                await stream.write(frame)
