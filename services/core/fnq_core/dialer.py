"""Connecting to a peer that may be somewhere else each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio

from fnq_core.rpc import channel
from fnq_wire.finder import Finder

__all__ = ["Dialer"]


class Dialer:
    """Channels to the peers that `finder` finds, one after the other.

    `address` is where the last one leads; the next goes elsewhere if it can.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self.address = ""

    @asynccontextmanager
    async def dial(self) -> AsyncIterator[grpc.aio.Channel]:
        """Give a channel. Raises DiscoveryError while no peer is known."""
        # The first time a finder waits for Consul.
        self.address = await asyncio.to_thread(self._finder.find, self.address)
        async with channel(self.address) as link:
            yield link
