"""The agent's end of a runner: frames, prints, and what no runner should send."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fnq_wire import pipe
from fnq_wire.pipe import Decoder, Frame, Kind, encode, encode_json
from fnq_worker.runner import Runner
from tests.loop import eventually

CALL = b"c" * 16


class Ends:
    """A runner's end of the pipes, and what the agent's end told."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.printed: list[tuple[str, str]] = []
        self.broke: list[str] = []
        self.runner = Runner(
            "t",
            lambda _, frame: self.take(frame),
            lambda source, text: self.printed.append((source, text)),
            lambda _, reason: self.broke.append(reason),
        )
        file, self.out, self.err = self.runner.open()
        self.pipe = socket.socket(fileno=file)
        self.pipe.setblocking(False)

    def take(self, frame: Frame) -> None:
        """Take a frame as a crew does."""
        if frame.kind == Kind.FAILED:
            pipe.read_json(frame)
        elif frame.kind == Kind.SUBMIT:
            raise KeyError("nobody foresaw this")
        self.frames.append(frame)

    async def say(self, data: bytes) -> None:
        """Write as a runner does: until all of it is out, or nobody reads any more."""
        try:
            await asyncio.get_running_loop().sock_sendall(self.pipe, data)
        except (BrokenPipeError, ConnectionResetError):
            return


@asynccontextmanager
async def ends() -> AsyncIterator[Ends]:
    """Give both ends of a runner."""
    made = Ends()
    try:
        yield made
    finally:
        made.runner.close()
        made.pipe.close()
        for file in (made.out, made.err):
            os.close(file)


async def test_frames_go_both_ways() -> None:
    """Small ones of one turn together, and a large one whole."""
    async with ends() as e:
        large = bytes(range(256)) * 20_000
        for body in (b"a", b"b", large):
            e.runner.send(encode(Kind.CANCEL, CALL, body=body))
        decoder, got = Decoder(), list[Frame]()
        loop = asyncio.get_running_loop()
        while len(got) < 3:
            got += decoder.feed(await loop.sock_recv(e.pipe, 1 << 20))
        assert [each.body for each in got] == [b"a", b"b", large]
        await e.say(encode(Kind.VALUE, CALL, body=large) + encode(Kind.STARTED, CALL))
        await eventually(lambda: len(e.frames) == 2)
        assert e.frames[0].body == large


async def test_what_c_code_prints_is_told() -> None:
    """By its stream."""
    async with ends() as e:
        os.write(e.out, b"out\n")
        os.write(e.err, b"\xff err\n")
        await eventually(lambda: len(e.printed) == 2)
        assert sorted(e.printed) == [("stderr", "\ufffd err\n"), ("stdout", "out\n")]


async def test_a_runner_that_is_gone_is_told_once_and_gets_nothing() -> None:
    """What is sent to it is kept nowhere."""
    async with ends() as e:
        e.pipe.close()
        await eventually(lambda: e.broke == ["its pipe closed"])
        for _ in range(10):
            e.runner.send(bytes(1000))
        assert e.runner._out == []
        assert len(e.broke) == 1


BAD = {
    "a body of four gigabytes": pipe._HEADER.pack(2**32 - 1, Kind.VALUE, CALL, 1, 0),
    "a value over the cap": pipe._HEADER.pack(pipe.MAX_BODY + 1, Kind.CHUNK, CALL, 1, 0),
    "a log without an end": pipe._HEADER.pack(64 << 20, Kind.LOG, CALL, 1, 1),
    "an endless failure": pipe._HEADER.pack(64 << 20, Kind.FAILED, CALL, 1, 0),
    "an unknown kind": pipe._HEADER.pack(0, 99, CALL, 1, 0),
    "no JSON": encode(Kind.FAILED, CALL, 1, 0, b"{"),
    "no object": encode_json(Kind.FAILED, ["a"], CALL, 1),
    "a nest": encode(Kind.FAILED, CALL, 1, 0, b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    "a surprise": encode(Kind.SUBMIT, CALL),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_no_frame_ends_the_runner_and_not_the_agent(what: str) -> None:
    """At once, however much of it was to come; the loop goes on."""
    async with ends() as e:
        await e.say(encode(Kind.STARTED, CALL))
        await eventually(lambda: e.frames)
        await e.say(BAD[what])
        await eventually(lambda: e.broke)
        assert len(e.broke) == 1
        assert [each.kind for each in e.frames] == [Kind.STARTED]
