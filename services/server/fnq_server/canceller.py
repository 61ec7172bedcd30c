"""Ends one call from anywhere: for who waits for it at once, and then its run."""

from __future__ import annotations

import asyncio

from google.protobuf.message import DecodeError

from fnq.v1 import record_pb2, result_pb2
from fnq_core.connection import insist
from fnq_core.inventory import Item
from fnq_core.kept import By, Ending, KeptCalls
from fnq_core.lease import MOST_EPOCH
from fnq_core.results import Mailboxes
from fnq_server.deleter import Deleter
from fnq_server.orders import Orders

__all__ = ["Canceller"]

#: Seconds until the order to stop a run is sent once more: the first one may have come
#: before the entry that its consumer had just been given.
_AGAIN_S = 0.5


class Canceller:
    """Decrees the end of calls, and has consumers told."""

    def __init__(
        self, kept: KeptCalls, mailboxes: Mailboxes, orders: Orders, deleter: Deleter
    ) -> None:
        self._kept = kept
        self._mailboxes = mailboxes
        self._orders = orders
        self._deleter = deleter

    async def detached(self, namespace: str, call: bytes, reason: str) -> bool:
        """Cancel a detached call; return whether it had not ended before."""
        ending = Ending(call, _decree(call, reason), By.ANYBODY)
        [finished] = await insist(
            "cancelling a call", lambda: self._kept.finish(namespace, [ending])
        )
        if finished is None:
            return False
        if finished.holder:
            self._stop(finished.holder, call, reason)
        else:
            self._discard_arguments(finished.body)
        return True

    async def attached(self, item: Item, reason: str) -> bool:
        """Cancel an attached call whose entry was found; return whether anybody can hear it."""
        try:
            call = record_pb2.Entry.FromString(item.body)
        except DecodeError:
            return False
        decree = [(call.inbox, _decree(call.call, reason))]
        gone = await insist("cancelling a call", lambda: self._mailboxes.publish(decree))
        self._orders.withdraw(item.stream, item.entry)
        if item.consumer:
            self._stop(item.consumer, call.call, reason)
        return not gone

    def _stop(self, consumer: str, call: bytes, reason: str) -> None:
        self._orders.cancel(consumer, call, reason)
        loop = asyncio.get_running_loop()
        loop.call_later(_AGAIN_S, self._orders.cancel, consumer, call, reason)

    def _discard_arguments(self, body: bytes) -> None:
        """Delete the large arguments of a call that nobody holds."""
        try:
            call = record_pb2.Entry.FromString(body)
        except DecodeError:
            return
        if call.payload.HasField("reference"):
            self._deleter.discard([call.payload.reference])


def _decree(call: bytes, reason: str) -> bytes:
    # Above all that was heard of the call: how often it has begun by now nobody here can say.
    result = result_pb2.Result(call=call, epoch=MOST_EPOCH, decreed=True)
    result.end.failure.error = "CallCancelledError"
    result.end.failure.message = reason
    return result.SerializeToString()
