"""A way over TCP that can go silent: nothing passes any more, and nobody is told."""

from __future__ import annotations

import asyncio
from typing import Self

__all__ = ["Tunnel"]

#: Bytes that are forwarded at a time.
_PIECE = 1 << 16


class Tunnel:
    """Listens at `address` and forwards to a service; `connections` counts who came."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        lines = list(self._lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    @property
    def address(self) -> str:
        """Where it listens, as "host:port"."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def silence(self) -> None:
        """Let nothing through any more, and close nothing; who comes later meets silence too.

        The kernel goes on to acknowledge what is sent: only an answer can be missed.
        """
        self._open.clear()

    def restore(self) -> None:
        """Let those through who come from now on; who met silence meets it for ever."""
        self._open = asyncio.Event()
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = asyncio.create_task(self._forward(reader, writer, self._open))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event
    ) -> None:
        host, _, port = self._target.rpartition(":")
        pumps: list[asyncio.Task[None]] = []
        try:
            await is_open.wait()
            beyond = await asyncio.open_connection(host, int(port))
            for source, sink in ((reader, beyond[1]), (beyond[0], writer)):
                pumps.append(asyncio.create_task(_pump(source, sink, is_open)))
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.close()


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event
) -> None:
    """Forward one direction until the end of it; pass the end on."""
    try:
        while data := await reader.read(_PIECE):
            await is_open.wait()
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # One end is gone, which the other one learns now.
    finally:
        writer.close()
