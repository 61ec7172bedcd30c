"""Futures of event loops that somebody waited for, and may not any more."""

from __future__ import annotations

import asyncio

__all__ = ["resolve", "tell"]


def tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[None]) -> None:
    """Resolve a future of a loop that may run in another thread, or not at all any more."""
    try:
        loop.call_soon_threadsafe(resolve, future)
    except RuntimeError:
        return


def resolve(future: asyncio.Future[None]) -> None:
    """Wake whoever waits for a future of this thread's loop, if that is not done yet."""
    if not future.done():
        future.set_result(None)
