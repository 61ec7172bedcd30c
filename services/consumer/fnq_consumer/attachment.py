"""One agent's stream, as its consumer sees it."""

from __future__ import annotations

import asyncio

from fnq.v1 import record_pb2, worker_pb2
from fnq_consumer.rooms import Rooms
from fnq_wire.fitting import fitting

__all__ = ["Attachment"]


class Attachment:
    """An agent that is attached: what it has room for, and what goes out to it."""

    def __init__(self, announce: worker_pb2.Announce) -> None:
        self.agent = announce.agent
        self.namespace = announce.namespace
        self.version = announce.version
        self.replica = announce.replica
        self.rooms = Rooms()
        self.gone = False
        #: Calls that this agent holds.
        self.calls: set[bytes] = set()
        self._frame = worker_pb2.ConsumerFrame()
        self._settled: list[bytes] = []
        self._news = asyncio.Event()

    def dispatch(self, dispatch: worker_pb2.Dispatch) -> None:
        """Queue a call for the agent; its room is taken."""
        self.rooms.take(dispatch.call.depth)
        self.calls.add(dispatch.call.call)
        self._frame.dispatches.append(dispatch)
        self._news.set()

    def dispatch_together(self, dispatches: list[worker_pb2.Dispatch]) -> None:
        """Queue calls of one depth that run together; one room is taken."""
        self.rooms.take_together(dispatches[0].call.depth, len(dispatches))
        self.calls.update(each.call.call for each in dispatches)
        self._frame.dispatches.extend(dispatches)
        self._news.set()

    def cancel(self, call: bytes, reason: str) -> None:
        """Queue the request to stop a run."""
        self._frame.cancellations.add(call=call, reason=reason)
        self._news.set()

    def credit(self, credit: record_pb2.Credit) -> None:
        """Queue the permission to emit more."""
        self._frame.credits.append(credit)
        self._news.set()

    def settle(self, call: bytes) -> None:
        """Queue the news that a call is acknowledged."""
        self.calls.discard(call)
        self._settled.append(call)
        self._news.set()

    def send_away(self) -> None:
        """Queue the request to attach to another consumer."""
        self._frame.goaway = True
        self._news.set()

    async def next_frame(self) -> worker_pb2.ConsumerFrame:
        """Wait for something to send and return all of it."""
        await self._news.wait()
        self._news.clear()
        frame, self._frame = self._frame, worker_pb2.ConsumerFrame()
        take = fitting(len(each.call.payload.inline) for each in frame.dispatches)
        if take < len(frame.dispatches):
            self._frame.dispatches.extend(frame.dispatches[take:])
            del frame.dispatches[take:]
            self._news.set()
        frame.settled = b"".join(self._settled)
        self._settled.clear()
        return frame
