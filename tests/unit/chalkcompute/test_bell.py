"""Waking coroutines from other threads."""

from __future__ import annotations

import asyncio
import gc
import threading
from weakref import WeakKeyDictionary, ref

from chalkcompute.bell import Bell


async def test_futures_are_settled_from_other_threads() -> None:
    """Each of them, whichever thread rings first."""
    loop = asyncio.get_running_loop()
    bell = Bell(loop)
    futures = [loop.create_future() for _ in range(400)]

    def ring(some: list[asyncio.Future[None]]) -> None:
        for future in some:
            bell.ring(future)

    threads = [threading.Thread(target=ring, args=(futures[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    await asyncio.wait_for(asyncio.gather(*futures), 5)
    for thread in threads:
        thread.join()


async def test_those_of_one_moment_share_one_wake_up() -> None:
    """The loop is woken once, not once a future; one that was given up is passed over."""
    loop = asyncio.get_running_loop()
    bell = Bell(loop)
    wakes = []
    futures = [loop.create_future() for _ in range(10)]
    futures[3].cancel()
    original = loop.call_soon_threadsafe
    loop.call_soon_threadsafe = lambda *args: wakes.append(1) or original(*args)  # type: ignore[func-returns-value, method-assign]
    for future in futures:
        bell.ring(future)
    await futures[9]
    assert len(wakes) == 1


def test_a_loop_that_was_closed_is_not_woken() -> None:
    """Nobody waits there any more."""
    loop = asyncio.new_event_loop()
    bell, future = Bell(loop), loop.create_future()
    loop.close()
    bell.ring(future)


def test_a_bell_does_not_keep_its_loop_alive() -> None:
    """A session has one for each loop, for as long as the loop is there."""
    loop = asyncio.new_event_loop()
    bells = WeakKeyDictionary({loop: Bell(loop)})
    gone, future = ref(loop), loop.create_future()
    bell = bells[loop]
    loop.close()
    del loop
    del future
    gc.collect()
    assert gone() is None
    assert len(bells) == 0
    late: asyncio.Future[None] = asyncio.Future(loop=asyncio.new_event_loop())
    bell.ring(late)
    late.get_loop().close()
