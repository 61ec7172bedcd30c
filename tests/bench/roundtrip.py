"""What Redis streams alone cost: XADD, XREADGROUP, an answering XADD, XREAD.

`python -m tests.bench.roundtrip URL` is the end that answers. Redis is the stack's
binary with the stack's durability, over a Unix socket; both ends use the services'
client on uvloop; a message is 64 bytes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop
from redis.asyncio import Redis

from fnq_core.connection import connect
from tests.bench.figure import percentile
from tests.bench.peer import peer
from tests.bench.scale import Scale
from tests.redis import RedisServer

__all__ = ["RoundTrip"]

_MESSAGE = bytes(64)
#: Messages in one pipeline, and read at once.
_BATCH = 100
_READ = ("XREADGROUP", "GROUP", "g", "c", "COUNT", _BATCH, "BLOCK", 1_000, "STREAMS", "calls", ">")


class RoundTrip:
    """The two measurements, against the Redis at `url`."""

    def __init__(self, url: str) -> None:
        self._url = url

    @classmethod
    @contextmanager
    def served(cls, folder: Path) -> Iterator[RoundTrip]:
        """Run a Redis and the end that answers while the block runs."""
        server = RedisServer(folder, durable=True)
        server.start()
        try:
            with peer("tests.bench.roundtrip", server.url):
                yield cls(server.url)
        finally:
            server.kill()

    def sequential(self, scale: Scale) -> float:
        """Return the median seconds of one message there and back."""
        return uvloop.run(self._sequential(scale))

    def pipelined(self, scale: Scale) -> float:
        """Return messages per second when they are sent in pipelines, without waiting."""
        return uvloop.run(self._pipelined(scale.together))

    async def _sequential(self, scale: Scale) -> float:
        times: list[float] = []
        async with connect(self._url) as redis, connect(self._url) as waiting:
            after = await _last(redis)
            for _ in range(scale.warm_ups + scale.calls):
                begun = time.perf_counter()
                await redis.execute_command("XADD", "calls", "*", "e", _MESSAGE)
                after, _ = await _answers(waiting, after)
                times.append(time.perf_counter() - begun)
        return percentile(times[scale.warm_ups :], 50)

    async def _pipelined(self, messages: int) -> float:
        async with connect(self._url) as redis, connect(self._url) as waiting:
            after = await _last(redis)
            begun = time.perf_counter()
            writer = asyncio.create_task(_write(redis, messages))
            came = 0
            while came < messages:
                after, more = await _answers(waiting, after)
                came += more
            seconds = time.perf_counter() - begun
            await writer
        return messages / seconds


async def _last(redis: Redis) -> bytes:
    """Return the id of an entry that is put behind all answers of before."""
    found: bytes = await redis.execute_command("XADD", "answers", "*", "e", b"")
    return found


async def _answers(waiting: Redis, after: bytes) -> tuple[bytes, int]:
    """Wait for answers; return the id of the last and how many came."""
    reply: Any = await waiting.execute_command(
        "XREAD", "COUNT", 1_000, "BLOCK", 1_000, "STREAMS", "answers", after
    )
    if not reply:
        return after, 0
    entries = reply[0][1]
    return entries[-1][0], len(entries)


async def _write(redis: Redis, messages: int) -> None:
    for start in range(0, messages, _BATCH):
        async with redis.pipeline(transaction=False) as pipe:
            for _ in range(min(_BATCH, messages - start)):
                pipe.execute_command("XADD", "calls", "*", "e", _MESSAGE)
            await pipe.execute()


async def _answer_forever(url: str) -> None:
    async with connect(url) as redis, connect(url) as waiting:
        await redis.execute_command("XGROUP", "CREATE", "calls", "g", "$", "MKSTREAM")
        print("ready", flush=True)
        while True:
            reply: Any = await waiting.execute_command(*_READ)
            if not reply:
                continue
            entries = reply[0][1]
            names = [entry for entry, _ in entries]
            async with redis.pipeline(transaction=False) as pipe:
                for _, fields in entries:
                    pipe.execute_command("XADD", "answers", "*", "e", fields[1])
                pipe.execute_command("XACK", "calls", "g", *names)
                pipe.execute_command("XDEL", "calls", *names)
                await pipe.execute()


if __name__ == "__main__":
    uvloop.run(_answer_forever(sys.argv[1]))
