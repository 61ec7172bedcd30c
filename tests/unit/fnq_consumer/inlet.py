"""A call stream and an inbox, as a server fills and reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fnq.v1 import record_pb2, result_pb2
from fnq_core import keys
from fnq_core.connection import connect
from fnq_core.results import Mailboxes
from fnq_wire.protocol import PROTOCOL
from tests.redis import RedisServer
from tests.toy import service

__all__ = ["INBOX", "STREAM", "VERSION", "deployed", "entry", "queue", "results"]

VERSION = "abc012"
INBOX = keys.inbox("s1")
STREAM = keys.call_stream("default", VERSION, 0)


def queue(redis: RedisServer, count: int = 1, depth: int = 0, **fields: object) -> list[bytes]:
    """Append calls as a server does; return their ids."""
    calls = []
    for number in range(count):
        call = (f"{depth}-{number}-" + redis.ask("TIME")[1].decode()).encode().ljust(16, b".")
        stream = keys.call_stream("default", VERSION, depth)
        redis.ask("XADD", stream, "*", "e", entry(call, depth=depth, **fields))
        calls.append(call)
    return calls


def entry(call: bytes, **fields: object) -> bytes:
    """Return the entry of a call as a server writes it."""
    made = record_pb2.Entry(protocol=PROTOCOL, call=call, version=VERSION, inbox=INBOX)
    made.payload.inline = b"payload of " + call
    for name, value in fields.items():
        setattr(made, name, value)
    return made.SerializeToString()


def results(redis: RedisServer) -> list[result_pb2.Result]:
    """Return what lies in the inbox."""
    found = redis.ask("XRANGE", INBOX, "-", "+")
    return [result_pb2.Result.FromString(fields[1]) for _, fields in found if fields[1]]


@asynccontextmanager
async def deployed(redis: RedisServer, **spec: Any) -> AsyncIterator[None]:
    """Have the version, and an inbox that takes results."""
    await service.deploy(redis, VERSION, **spec)
    client = connect(redis.url)
    await Mailboxes(client).open(INBOX)
    await client.aclose()
    yield
    redis.ask("DEL", INBOX)
