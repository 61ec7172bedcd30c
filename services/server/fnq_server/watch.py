"""One client's wish to hear of a detached call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fnq.v1 import result_pb2
from fnq_server.session import references

if TYPE_CHECKING:
    from fnq_server.session import Session

__all__ = ["Watch"]


@dataclass(slots=True, eq=False)
class Watch:
    """A watch that is open: `call` is whose, `id` what its client calls it by.

    `after` is the first position that is wanted, and `credit` up to which chunks may be
    sent; `reader` reads them.
    """

    id: bytes
    call: bytes
    session: Session
    after: int
    credit: int
    end_only: bool
    reader: asyncio.Task[None] | None = None
    #: It waits for the end and nothing else.
    listens: bool = False
    #: An end came before it was known what the watch waits for.
    missed: bool = False
    granted: asyncio.Event = field(default_factory=asyncio.Event)

    def grant(self, credit: int) -> None:
        """Let more chunks be sent: all below this position."""
        self.credit = max(self.credit, credit)
        self.granted.set()

    async def room(self, position: int) -> None:
        """Return when the chunk at this position may be sent."""
        while position >= self.credit:
            self.granted.clear()
            await self.granted.wait()

    def tell(self, result: result_pb2.Result) -> None:
        """Send a result under the name of the watch."""
        result.call = self.id
        self.session.send(result if references(result) else result.SerializeToString())

    def refuse(self, failure: result_pb2.Failure) -> None:
        """Send a failure in place of a result."""
        result = result_pb2.Result(call=self.id, decreed=True)
        result.end.failure.CopyFrom(failure)
        self.tell(result)
