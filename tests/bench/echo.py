"""What gRPC alone costs: one bidirectional stream over a Unix socket that echoes.

`python -m tests.bench.echo ADDRESS` is its server. Both ends are grpc.aio on uvloop,
as those of the services; a message is 64 bytes and is not parsed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop

from tests.bench.figure import percentile
from tests.bench.peer import peer
from tests.bench.scale import Scale

__all__ = ["Echo"]

_METHOD = "/bench.Echo/Talk"
_MESSAGE = bytes(64)
_EOF = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it


class Echo:
    """The two measurements, against the server at `address`."""

    def __init__(self, address: str) -> None:
        self._address = address

    @classmethod
    @contextmanager
    def served(cls, folder: Path) -> Iterator[Echo]:
        """Run the server while the block runs."""
        address = f"unix:{folder}/echo.sock"
        with peer("tests.bench.echo", address):
            yield cls(address)

    def sequential(self, scale: Scale) -> float:
        """Return the median seconds of one message there and back."""
        return uvloop.run(self._sequential(scale))

    def pipelined(self, scale: Scale) -> float:
        """Return messages per second when all are written as fast as they are taken."""
        return uvloop.run(self._pipelined(scale.together))

    async def _sequential(self, scale: Scale) -> float:
        times: list[float] = []
        async with grpc.aio.insecure_channel(self._address) as channel:
            talk = _talk(channel)
            for _ in range(scale.warm_ups + scale.calls):
                begun = time.perf_counter()
                await talk.write(_MESSAGE)
                await talk.read()
                times.append(time.perf_counter() - begun)
            await talk.done_writing()
        return percentile(times[scale.warm_ups :], 50)

    async def _pipelined(self, messages: int) -> float:
        async with grpc.aio.insecure_channel(self._address) as channel:
            talk = _talk(channel)
            await talk.write(_MESSAGE)
            await talk.read()
            begun = time.perf_counter()
            writer = asyncio.create_task(_write(talk, messages))
            for _ in range(messages):
                await talk.read()
            seconds = time.perf_counter() - begun
            await writer
            await talk.done_writing()
        return messages / seconds


async def _write(talk: grpc.aio.StreamStreamCall[bytes, bytes], messages: int) -> None:
    for _ in range(messages):
        await talk.write(_MESSAGE)


def _talk(channel: grpc.aio.Channel) -> grpc.aio.StreamStreamCall[bytes, bytes]:
    # As the client's stub would: None stands for bytes as they are.
    method: Any = channel.stream_stream(_METHOD, None, None)
    talk: grpc.aio.StreamStreamCall[bytes, bytes] = method()
    return talk


async def _answer(_requests: object, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
    while (message := await context.read()) is not _EOF:
        await context.write(message)


async def _serve(address: str) -> None:
    server = grpc.aio.server()
    handler: Any = grpc.stream_stream_rpc_method_handler(_answer)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("bench.Echo", {"Talk": handler}),)
    )
    server.add_insecure_port(address)
    await server.start()
    print("ready", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
