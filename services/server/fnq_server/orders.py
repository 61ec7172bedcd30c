"""Orders to consumers, gathered per turn of the loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TypeAlias

from fnq.v1 import record_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams
from fnq_core.connection import insist
from fnq_core.results import OWNED_RENEW_S, Mailboxes

__all__ = ["Orders"]

#: Seconds until an order that no control stream took is sent once more.
_AGAIN_S = OWNED_RENEW_S + 0.5

_Addressed: TypeAlias = tuple[str, record_pb2.Order]


class Orders:
    """What consumers must be told, and call entries that nobody shall begin."""

    def __init__(self, mailboxes: Mailboxes, calls: CallStreams) -> None:
        self._mailboxes = mailboxes
        self._calls = calls
        self._orders: defaultdict[str, record_pb2.Order] = defaultdict(record_pb2.Order)
        self._withdrawn: list[tuple[str, str]] = []
        #: Orders that no control stream took.
        self._again: list[_Addressed] = []
        self._news = asyncio.Event()

    def credit(self, consumer: str, credit: record_pb2.Credit) -> None:
        """Let a generator run on to these totals."""
        self._orders[consumer].credits.append(credit)
        self._news.set()

    def cancel(self, consumer: str, call: bytes, reason: str) -> None:
        """Stop a run."""
        self._orders[consumer].cancellations.add(call=call, reason=reason)
        self._news.set()

    def withdraw(self, stream: str, entry: str) -> None:
        """Take a call out of its stream before it is read."""
        self._withdrawn.append((stream, entry))
        self._news.set()

    async def send_forever(self) -> None:
        """Send what was gathered, until cancelled.

        An order to a consumer that is gone is sent once more, when its control stream
        would be back had it only expired while Redis was away. Then it is dropped:
        whoever adopts its work says so in the inbox and is told anew.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            orders, self._orders = self._orders, defaultdict(record_pb2.Order)
            again, self._again = self._again, []
            withdrawn, self._withdrawn = self._withdrawn, []
            refused = await self._send(list(orders.items()))
            if refused:
                asyncio.get_running_loop().call_later(_AGAIN_S, self._send_again, refused)
            await self._send(again)
            for stream, entry in withdrawn:
                await insist("withdrawing", lambda: self._calls.withdraw(stream, entry))

    async def _send(self, orders: list[_Addressed]) -> list[_Addressed]:
        """Send orders; return those whose consumer has no control stream."""
        if not orders:
            return []
        items = [(keys.control(name), order.SerializeToString()) for name, order in orders]
        gone = await insist("sending orders", lambda: self._mailboxes.publish(items))
        return [each for each in orders if keys.control(each[0]) in gone]

    def _send_again(self, orders: list[_Addressed]) -> None:
        self._again += orders
        self._news.set()
