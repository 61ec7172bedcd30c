"""The whole way of a call, inside one process: server, consumer, agent, client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fnq.v1 import worker_pb2
from fnq_consumer.consumer import Consumer
from fnq_server.server import Server
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import Heard, ToyClient

__all__ = ["Way", "way"]


class Way:
    """All of them, connected, with one version deployed."""

    def __init__(
        self, server: tuple[Server, str], consumer: tuple[Consumer, str], agent: ToyAgent
    ) -> None:
        self.server, self.address = server
        self.consumer, self.workers = consumer
        self.agent = agent
        self.client = ToyClient()
        self.version = ""

    async def run(self, *, repeatable: bool = False) -> tuple[Heard, worker_pb2.Dispatch]:
        """Return a call that the agent has been given."""
        heard = self.client.submit(self.version, repeatable=repeatable)
        await eventually(lambda: heard.call in self.agent.runs)
        return heard, self.agent.runs[heard.call]


@asynccontextmanager
async def way(redis: RedisServer, folder: Path, spool: Path | None = None) -> AsyncIterator[Way]:
    """Give the way of a call, open from end to end."""
    version = await service.deploy(redis)
    async with (
        service.server(redis, folder, spool=spool) as server,
        service.consumer(redis, folder, spool=spool) as consumer,
        ToyAgent(redis.url, version) as agent,
    ):
        made = Way(server, consumer, agent)
        made.version = version
        async with made.client:
            await agent.attach(made.workers)
            await made.client.connect(made.address)
            yield made
