"""One call in flight, as its caller sees it.

A session (see `port`) makes an `Inflight` when it submits a call, pushes what
comes back into it from any thread, and wakes whoever waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Inflight", "Outcome", "Target"]


@dataclass(slots=True)
class Target:
    """The function version that a call goes to.

    `version` is its id, `number` counts from 1 within the function, `kind` is as
    in the spec ("function", "coroutine", "generator", "async_generator");
    `repeatable` says whether a run may be repeated after chunks were delivered, `set`
    in which set its nested calls resolve; 0: in the one that it was deployed in last.
    """

    version: str
    name: str
    kind: str
    number: int
    repeatable: bool
    set: int = 0

    @property
    def streams(self) -> bool:
        """Whether a call of it is answered by chunks rather than by one value."""
        return self.kind in ("generator", "async_generator")


@dataclass(slots=True, frozen=True)
class Outcome:
    """How a call ended: exactly one of value, failure and exhausted is set.

    `failure` has the form of `fnq_wire.failure`; `attempt` counts the
    executions before the one that ended the call.
    """

    value: bytes | None = None
    failure: Mapping[str, object] | None = None
    exhausted: bool = False
    attempt: int = 0


class Inflight:
    """What has come back of one call so far.

    Chunks are in order and each comes once; nothing comes after the outcome. A
    reader that finds an outcome has therefore every chunk in `chunks`.
    """

    __slots__ = ("call", "chunks", "outcome", "wake")

    def __init__(self, call: bytes) -> None:
        self.call = call
        self.chunks: deque[bytes] = deque()
        self.outcome: Outcome | None = None
        self.wake: Callable[[], None] | None = None

    def push(self, payload: bytes) -> None:
        """Store one chunk and wake the waiter; one that comes after the end is dropped.

        Called by the session, from any thread.
        """
        if self.outcome is None:
            self.chunks.append(payload)
            self._wake()

    def finish(self, outcome: Outcome) -> None:
        """Store the end and wake the waiter; a second end is dropped."""
        if self.outcome is None:
            self.outcome = outcome
            self._wake()

    def _wake(self) -> None:
        # Taken once: the waiter may clear the field between a test and a call.
        wake = self.wake
        if wake is not None:
            wake()
