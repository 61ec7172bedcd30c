"""Connecting to a peer that may be somewhere else each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio

from fnq_core.rpc import channel
from fnq_wire import handshake
from fnq_wire.finder import Finder
from fnq_wire.tls import PLAIN, Tls

__all__ = ["Dialer"]


class Dialer:
    """Channels to the peers that `finder` finds, one after the other.

    `address` is where the last one leads; the next goes elsewhere if it can.
    """

    def __init__(self, finder: Finder, tls: Tls = PLAIN) -> None:
        self._finder = finder
        self._tls = tls
        self.address = ""

    @asynccontextmanager
    async def dial(self) -> AsyncIterator[grpc.aio.Channel]:
        """Give a channel. Raises DiscoveryError while no peer is known, and as `Tls.dial`."""
        # The first time a finder waits for Consul.
        self.address = await asyncio.to_thread(self._finder.find, self.address)
        async with channel(self.address, self._tls, self._finder.name) as link:
            yield link

    async def flaw(self) -> str | None:
        """Return why there is no talking to the last peer, if that is for want of TLS or trust."""
        return await asyncio.to_thread(
            handshake.problem, self.address, self._tls, self._finder.name
        )
