"""Call streams as the tests use them: one version, one session, short names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.calls import Accepted, CallStreams, Offer, Target
from fnq_core.connection import connect
from fnq_core.lease import Count, Leases
from tests.redis import RedisServer

__all__ = ["FIRST", "SESSION", "VERSION", "Bench", "bench", "connected", "stream"]

VERSION = "abc0123456789"
SESSION = keys.session(7)
#: Of an entry that was read, and of which no other run has begun.
FIRST = Count(1, 0)
INBOX = keys.inbox("s1")


def stream(depth: int = 0) -> str:
    """Return the stream of the version at a depth."""
    return keys.call_stream("default", VERSION, depth)


@asynccontextmanager
async def connected(server: RedisServer) -> AsyncIterator[Redis]:
    """Give a client that is closed in the end."""
    client = connect(server.url)
    try:
        yield client
    finally:
        await client.aclose()


class Bench:
    """The doors to call streams, with a session of generation 1 that offers calls."""

    def __init__(self, server: RedisServer, client: Redis) -> None:
        self.server = server
        self.calls = CallStreams(client)
        self.leases = Leases(client)
        self._seq = 0
        self.deploy(VERSION)
        server.ask("HSET", SESSION, "gen", 1, "mark", 0)
        server.ask("EXPIRE", SESSION, 60)

    def deploy(self, version: str) -> None:
        """Have a version take calls; it has no stream yet."""
        self.server.ask("SADD", keys.depths("default", version), 0)

    def offer(self, call: str = "", depth: int = 0, cap: int = 1000, **given: Any) -> Offer:
        """Return the next submission of the session."""
        self._seq += 1
        seq = given.get("seq", self._seq)
        identity = (call or f"call-{seq}").encode().ljust(16, b".")
        target = Target("default", given.get("version", VERSION), depth, cap)
        return Offer(seq, identity, given.get("target", target), b"e:" + identity, b"refused")

    async def append(self, *offers: Offer, generation: int = 1) -> Accepted:
        """Append what the session offers."""
        return await self.calls.append(SESSION, generation, INBOX, offers)

    async def queue(self, count: int, depth: int = 0) -> list[str]:
        """Append calls; return their entries."""
        return (await self.append(*[self.offer(depth=depth) for _ in range(count)])).entries

    def deliver(self, consumer: str = "c1", count: int = 100, depth: int = 0) -> list[str]:
        """Read new entries as a consumer does; return their ids."""
        reply = self.server.ask(
            "XREADGROUP", "GROUP", keys.GROUP, consumer, "COUNT", count,
            "STREAMS", stream(depth), ">",
        )  # fmt: skip
        return [entry.decode() for entry, _ in reply[0][1]] if reply else []

    async def acknowledge(self, entries: list[str], depth: int = 0) -> None:
        """Let entries go whose first run has ended."""
        await self.leases.acknowledge(stream(depth), [(each, FIRST) for each in entries])

    def age(self, entry: str, seconds: float, depth: int = 0) -> None:
        """Make an entry as idle as if nobody had renewed it for so long."""
        name = stream(depth)
        [[_, owner, _, counter]] = self.pending(entry, depth)
        self.server.ask(
            "XCLAIM", name, keys.GROUP, owner, 0, entry,
            "IDLE", int(seconds * 1000), "RETRYCOUNT", counter, "JUSTID",
        )  # fmt: skip

    def pending(self, entry: str = "", depth: int = 0) -> list[Any]:
        """Return (entry, owner, idle ms, counter) of what consumers hold."""
        start, end = (entry, entry) if entry else ("-", "+")
        found: list[Any] = self.server.ask("XPENDING", stream(depth), keys.GROUP, start, end, 1000)
        return found

    def length(self, depth: int = 0) -> int:
        """Return how many entries the stream holds."""
        return int(self.server.ask("XLEN", stream(depth)))


@asynccontextmanager
async def bench(server: RedisServer) -> AsyncIterator[Bench]:
    """Give a bench at an empty Redis."""
    async with connected(server) as client:
        yield Bench(server, client)
