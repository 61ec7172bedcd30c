"""A client that speaks the stubs: calls, breaks its stream, goes elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import grpc.aio

from fnq.v1 import result_pb2, session_pb2, session_pb2_grpc
from fnq_core.rpc import EOF, channel, metadata
from fnq_wire.session import ClientSession

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


class ToyClient:
    """One session; every change of its stream is asked for by the test."""

    def __init__(self, token: str | None = None) -> None:
        self.session = ClientSession("default", "a toy")
        self.goaways = 0
        self._metadata = metadata(token)
        self._channel: grpc.aio.Channel | None = None
        self._stream: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> ToyClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self, address: str) -> session_pb2.Welcome:
        """Open a stream to a server and take the session up there."""
        self._channel = channel(address)
        stub = session_pb2_grpc.SessionsStub(self._channel)
        self._stream = stub.Open(metadata=self._metadata)
        await self._stream.write(self.session.hello())
        frame = await self._stream.read()
        assert frame is not EOF
        self.session.welcome(frame.welcome, None)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._read()), loop.create_task(self._write())]
        self._news.set()
        welcome: session_pb2.Welcome = frame.welcome
        return welcome

    async def disconnect(self) -> None:
        """Break the stream without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    def deafen(self) -> None:
        """Read no more of the stream, as if the network were cut one way."""
        self._tasks[0].cancel()

    async def bye(self) -> None:
        """End in order."""
        await self._stream.write(session_pb2.ClientFrame(bye=True))
        assert await self._stream.read() is EOF

    def submit(
        self, version: str, payload: bytes = b"", depth: int = 0, repeatable: bool = False
    ) -> Heard:
        """Submit a call; its payload is its own id where none is given."""
        call = self.session.next_id(version)
        submission = session_pb2.Submission(
            call=call, version=version, rows=1, depth=depth, repeatable=repeatable
        )
        submission.payload.inline = payload or call
        heard = Heard(call)
        self.session.submit(submission, heard)
        self._news.set()
        return heard

    def credit(self, heard: Heard, chunks: int) -> None:
        """Let a generator run on."""
        self.session.credit(heard.call, chunks, 1 << 20)
        self._news.set()

    def cancel(self, heard: Heard) -> None:
        """Ask for the end of a call."""
        self.session.cancel(heard.call, "enough")
        self._news.set()

    async def _read(self) -> None:
        while (frame := await self._stream.read()) is not EOF:
            self.goaways += frame.goaway
            for event in self.session.receive(frame):
                heard = event.sink
                assert isinstance(heard, Heard)
                heard.chunks += [bytes(chunk) for chunk in event.chunks]
                if event.end is not None:
                    heard.more += heard.end is not None
                    heard.end = event.end
                    heard.event.set()
            self._news.set()

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while (frame := self.session.take()) is not None:
                await self._stream.write(frame)
