"""Orders to consumers: each is heard, or its consumer is gone for good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fnq.v1 import record_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams
from fnq_core.results import Mailboxes
from fnq_server import orders as orders_module
from fnq_server.orders import Orders
from tests.loop import eventually
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected

CONTROL = keys.control("c1")


@asynccontextmanager
async def sending(server: RedisServer) -> AsyncIterator[tuple[Orders, Mailboxes]]:
    """Run what sends orders."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        orders = Orders(mailboxes, CallStreams(client))
        task = asyncio.get_running_loop().create_task(orders.send_forever())
        try:
            yield orders, mailboxes
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _told(server: RedisServer) -> list[int]:
    """Return the totals of the credits in the control stream."""
    entries = server.ask("XRANGE", CONTROL, "-", "+")
    orders = [record_pb2.Order.FromString(fields[1]) for _, fields in entries]
    return [credit.chunks for order in orders for credit in order.credits]


async def test_an_order_reaches_a_control_stream_that_comes_back(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It expired while Redis was away; a generator that waits for its last credit goes on."""
    monkeypatch.setattr(orders_module, "_AGAIN_S", 1.0)
    async with sending(server) as (orders, mailboxes):
        orders.credit("c1", record_pb2.Credit(call=b"c" * 16, chunks=70))
        await eventually(lambda: server.spent().get("xadd"))
        await mailboxes.open(CONTROL)
        await eventually(lambda: _told(server) == [70])


async def test_an_order_to_a_consumer_that_is_gone_is_dropped(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sent twice; later ones are sent all the same."""
    monkeypatch.setattr(orders_module, "_AGAIN_S", 0.01)
    async with sending(server) as (orders, mailboxes):
        server.spent()
        orders.credit("c1", record_pb2.Credit(call=b"c" * 16, chunks=70))
        tries = 0

        def tried() -> int:
            nonlocal tries
            tries += server.spent().get("xadd", 0)
            return tries

        await eventually(lambda: tried() == 2)
        await mailboxes.open(CONTROL)
        orders.credit("c1", record_pb2.Credit(call=b"c" * 16, chunks=90))
        await eventually(lambda: _told(server) == [90])
