"""Calls what another script deployed, and deploys nothing."""

from __future__ import annotations

import asyncio

import chalkcompute
from chalkcompute import RemoteFunction

price = RemoteFunction.from_name("shop.price")
first = RemoteFunction.from_name("shop.price", version=1)
catalogue = chalkcompute.RemoteFunction.from_name("catalogue")


async def main() -> list[str]:
    """Read by name from an event loop."""
    return [item async for item in await catalogue.aio(2)]


price.wait_ready()
print(price("pear"), price.remote("pear", count=3), asyncio.run(price.aio("fig")), first("a"))
print(list(catalogue(3)), asyncio.run(main()))
try:
    price("pear", amount=3)
except TypeError as problem:
    print(problem)
