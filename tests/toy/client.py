"""A client that speaks the stubs: calls, breaks its stream, goes elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import grpc.aio

from fnq.v1 import result_pb2, session_pb2, session_pb2_grpc
from fnq_core.rpc import EOF, channel
from fnq_wire.parcel import Data
from fnq_wire.pieces import Spooled
from fnq_wire.session import ClientSession
from fnq_wire.transport import metadata
from tests.toy.dial import answered

__all__ = ["Heard", "ToyClient"]


@dataclass
class Heard:
    """What has come back of one call."""

    call: bytes
    chunks: list[bytes] = field(default_factory=list)
    end: result_pb2.End | None = None
    #: Ends that came after the first: none ever should.
    more: int = 0
    event: asyncio.Event = field(default_factory=asyncio.Event)

    async def over(self, timeout_s: float = 10.0) -> result_pb2.End:
        """Return the end, waiting for it."""
        await asyncio.wait_for(self.event.wait(), timeout_s)
        assert self.end is not None
        return self.end


class _Line:
    """One stream to a server, until it is broken."""

    def __init__(self, session: ClientSession, token: str | None) -> None:
        self.goaways = 0
        self.deaf = False
        self.mute = False
        self.news = asyncio.Event()
        self._session = session
        self._token = token
        self._channel: grpc.aio.Channel | None = None
        self._stream: Any = None
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, address: str) -> session_pb2.Welcome:
        self._channel = channel(address)
        stub = session_pb2_grpc.SessionsStub(self._channel)

        async def attempt() -> session_pb2.ServerFrame:
            self._stream = stub.Open(metadata=metadata(self._token))
            await self._stream.write(self._session.hello())
            frame: session_pb2.ServerFrame = await self._stream.read()
            assert frame is not EOF
            return frame

        frame = await answered(attempt)
        welcome: session_pb2.Welcome = frame.welcome
        self._session.welcome(welcome, None)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._read()), loop.create_task(self._write())]
        self.news.set()
        return welcome

    async def bye(self) -> None:
        # The server ends the stream then: whatever else goes out may meet its end.
        self.mute = True
        await self.tell(session_pb2.ClientFrame(bye=True))
        await self.over()

    async def tell(self, frame: session_pb2.ClientFrame) -> None:
        # gRPC takes one frame of a stream at a time.
        async with self._writing:
            await self._stream.write(frame)

    async def over(self) -> None:
        await asyncio.wait_for(self._tasks[0], 5.0)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close(None)

    async def _read(self) -> None:
        while (frame := await self._stream.read()) is not EOF:
            if self.deaf:
                continue
            self.goaways += frame.goaway
            for event in self._session.receive(frame):
                heard = event.sink
                assert isinstance(heard, Heard)
                heard.chunks += [_bytes(chunk) for chunk in event.chunks]
                if event.end is not None:
                    heard.more += heard.end is not None
                    heard.end = event.end
                    heard.event.set()
            self.news.set()

    async def _write(self) -> None:
        while True:
            await self.news.wait()
            self.news.clear()
            while not (self.deaf or self.mute) and (frame := self._session.take()) is not None:
                await self.tell(frame)


class ToyClient:
    """One session; every change of its stream is asked for by the test."""

    def __init__(self, token: str | None = None) -> None:
        self.session = ClientSession("default", "a toy")
        self._token = token
        self._lines: list[_Line] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    @property
    def goaways(self) -> int:
        """How often the server of this stream asked to go away."""
        return self._lines[-1].goaways

    async def connect(self, address: str) -> session_pb2.Welcome:
        """Open a stream to a server and take the session up there."""
        self._lines.append(_Line(self.session, self._token))
        return await self._lines[-1].open(address)

    async def disconnect(self) -> None:
        """Break all streams without a word."""
        while self._lines:
            await self.disconnect_first()

    async def disconnect_first(self) -> None:
        """Break the oldest stream."""
        await self._lines.pop(0).close()

    def deafen(self) -> None:
        """Hear and say nothing on this stream any more, and leave it open."""
        self._lines[-1].deaf = True

    async def bye(self) -> None:
        """End in order."""
        await self._lines[-1].bye()

    async def tell(self, frame: session_pb2.ClientFrame) -> None:
        """Write a frame that no session would."""
        await self._lines[-1].tell(frame)

    async def over(self) -> None:
        """Return when the server has ended the stream. Raises AioRpcError when it refuses."""
        await self._lines[-1].over()

    def submit(
        self,
        version: str,
        payload: bytes = b"",
        *,
        depth: int = 0,
        repeatable: bool = False,
        remaining_ms: int = 0,
        timeout_ms: int = 0,
        large: bytes | None = None,
        reference: result_pb2.Reference | None = None,
    ) -> Heard:
        """Submit a call; its payload is its own id where none is given.

        `large` goes ahead in parts; a `reference` names what lies there already.
        """
        call = self.session.next_id(version)
        submission = session_pb2.Submission(
            call=call,
            version=version,
            rows=1,
            depth=depth,
            repeatable=repeatable,
            remaining_ms=remaining_ms,
            timeout_ms=timeout_ms,
        )
        if reference is not None:
            submission.payload.reference.CopyFrom(reference)
        elif large is None:
            submission.payload.inline = payload or call
        heard = Heard(call)
        self.session.submit(submission, heard, large)
        self._say()
        return heard

    def credit(self, heard: Heard, chunks: int) -> None:
        """Let a generator run on."""
        self.session.credit(heard.call, chunks, 1 << 20)
        self._say()

    def cancel(self, heard: Heard) -> None:
        """Ask for the end of a call."""
        self.session.cancel(heard.call, "enough")
        self._say()

    def _say(self) -> None:
        if self._lines:
            self._lines[-1].news.set()


def _bytes(data: Data) -> bytes:
    assert not isinstance(data, Spooled)
    return bytes(data)
