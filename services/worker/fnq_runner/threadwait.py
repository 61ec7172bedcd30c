"""Wait in a thread: block it, and read the pipe for all where nobody else does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from fnq_runner.host import Wakeable
from fnq_runner.invocation import CURRENT, Interrupted, Invocation
from fnq_runner.pipe import Pipe

__all__ = ["wait_in_thread", "waking"]


def wait_in_thread(
    pipe: Pipe, news: Wakeable, ready: Callable[[], bool], deadline: float | None
) -> bool:
    """Block until ready(); False after `deadline`, which is on time.monotonic().

    Raises Interrupted when the invocation on whose behalf the thread works is
    cancelled: once in the thread that runs it, which may then clean up, and
    whenever they wait in threads that it started.
    """
    bell = threading.Event()
    wake = partial(pipe.ring, bell)
    invocation = CURRENT.get()
    if invocation is None or (invocation.ended and not invocation.cancelled):
        news.wake = wake
        try:
            return pipe.wait(bell, ready, deadline)
        finally:
            news.wake = None
    own = invocation.thread == threading.get_ident()

    def stopped() -> bool:
        return invocation.cancelled and not (own and invocation.interrupted)

    with waking(news, invocation, wake):
        invocation.parked |= own
        try:
            found = pipe.wait(bell, lambda: ready() or stopped(), deadline)
        finally:
            invocation.parked &= not own
        if stopped():
            invocation.interrupted |= own
            raise Interrupted(invocation.reason)
        return found


@contextmanager
def waking(news: Wakeable, invocation: Invocation, wake: Callable[[], None]) -> Iterator[None]:
    """Have `wake` called by news and by cancellation."""
    news.wake = wake
    invocation.wakes.add(wake)
    try:
        yield
    finally:
        invocation.wakes.discard(wake)
        news.wake = None
