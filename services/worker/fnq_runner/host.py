"""What runs user code: on the main thread (`hub`) or on an event loop (`loop`)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from fnq_runner.invocation import Invocation

__all__ = ["Host", "News", "Runs", "Wakeable"]


class Wakeable(Protocol):
    """Something that news comes to; whoever brings them calls `wake` if it is set."""

    wake: Callable[[], None] | None


class News:
    """One answer that somebody waits for."""

    __slots__ = ("value", "wake")

    def __init__(self) -> None:
        self.value: object = None
        self.wake: Callable[[], None] | None = None

    def bring(self, value: object) -> None:
        """Store the answer, which is not None, and wake who waits for it."""
        self.value = value
        wake = self.wake
        if wake is not None:
            wake()

    def ready(self) -> bool:
        """Return whether the answer has come."""
        return self.value is not None


class Host(Protocol):
    """The ways in which user code runs, waits, and is stopped.

    `wait` and `wait_async` raise what stops the invocation that waits:
    `Interrupted`, or asyncio's CancelledError.
    """

    def run(self) -> None:
        """Serve dispatches on the main thread until the runner has drained."""
        ...

    def admit(self) -> None:
        """Begin what may begin now. Any thread may ask."""
        ...

    def flush(self) -> None:
        """See that what was posted is written soon."""
        ...

    def wait(self, news: Wakeable, ready: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until ready() without stopping other invocations; False after `timeout` seconds."""
        ...

    async def wait_async(self, news: Wakeable, ready: Callable[[], bool]) -> None:
        """Wait until ready() on whatever loop runs."""
        ...

    def shield(self) -> Invocation | None:
        """Hold back signals while the runner's own code runs; give the result to `expose`."""
        ...

    def expose(self, invocation: Invocation | None) -> None:
        """Let a signal interrupt user code again; raises Interrupted if one came meanwhile."""
        ...

    def cancel(self, invocation: Invocation, reason: str) -> None:
        """Stop an invocation that has begun."""
        ...

    def abandon(self, invocation: Invocation) -> None:
        """End the call of one that does not stop, if the rest can go on without it."""
        ...

    def ended(self, invocation: Invocation) -> None:
        """Note that an invocation has posted its end and left its slot."""
        ...

    def drained(self) -> None:
        """Let `run` return if the runner drains and nothing runs any more."""
        ...


class Runs(Protocol):
    """How one invocation runs from its start to its end; see `invoke`."""

    def run(self, invocation: Invocation) -> None:
        """Say that it begins, and run it on this thread, unless it is revoked after all."""
        ...

    def run_async(self, invocation: Invocation) -> Coroutine[Any, Any, None]:
        """Run it on the running loop."""
        ...

    def started(self, invocation: Invocation) -> bytes:
        """Return the frame that says that it begins."""
        ...

    def cancelled(self, invocation: Invocation) -> bytes:
        """Return the frame that ends it as cancelled."""
        ...

    def revoked(self, invocation: Invocation) -> bytes:
        """Return the frame that says that it will not begin."""
        ...
