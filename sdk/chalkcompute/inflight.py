"""One call in flight, as its caller sees it.

A session (see `port`) makes an `Inflight` when it submits a call, pushes what
comes back into it from any thread, and wakes whoever waits.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fnq_wire.kinds import yields

__all__ = ["Inflight", "Outcome", "Target", "Terms", "Watched"]


@dataclass(slots=True)
class Target:
    """The function version that a call goes to.

    `version` is its id, `number` counts from 1 within the function, `kind` is as
    in the spec ("function", "coroutine", "generator", "async_generator");
    `repeatable` says whether a run may be repeated after chunks were delivered, `divergent`
    whether it may differ from them then, `set`
    in which set its nested calls resolve; 0: in the one that it was deployed in last.
    `batch` counts the most items of a batch, 0 where it takes none. `types` are what its
    schema says of its parameters, and `returns` of a result, a chunk, or an item's, as far as
    whoever looked it up needs them. `single` says whether rows of a map, or items of a list,
    travel one by one.
    """

    version: str
    name: str
    kind: str
    number: int
    repeatable: bool
    set: int = 0
    divergent: bool = False
    batch: int = 0
    types: tuple[str, ...] = ()
    single: bool = False
    returns: str = "any"

    @property
    def streams(self) -> bool:
        """Whether a call of it is answered by chunks rather than by one value."""
        return yields(self.kind)


@dataclass(slots=True, frozen=True)
class Terms:
    """What one call asks for beyond what its function says: see `RemoteFunction.options`.

    `timeout_ms` is of one attempt, `deadline_ms` of the call as a whole, from its
    submission on; 0: nothing is asked. `key` is the idempotency key, "" for none.
    """

    timeout_ms: int = 0
    deadline_ms: int = 0
    key: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Outcome:
    """How a call ended: exactly one of value, failure and exhausted is set.

    `value` is memory that may be written where it is no bytes: a file mapped for this process.
    `failure` has the form of `fnq_wire.failure`; `attempt` counts the
    executions before the one that ended the call.
    """

    value: bytes | memoryview | None = None
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
        self.chunks: deque[bytes | memoryview] = deque()
        self.outcome: Outcome | None = None
        self.wake: Callable[[], None] | None = None

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for news of it now."""
        return self.wake is not None

    def push(self, payload: bytes | memoryview) -> None:
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


class Watched(Inflight):
    """A detached call that this process wants to hear of; `call` is the id of that wish."""

    __slots__ = ("_listeners",)

    def __init__(self, call: bytes) -> None:
        super().__init__(call)
        self._listeners: list[Callable[[], None]] = []

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for news of it now, or for its end."""
        return bool(self._listeners) or self.wake is not None

    def listen(self, told: Callable[[], None]) -> None:
        """Call `told` at the end, from any thread, perhaps twice; at once after the end."""
        self._listeners.append(told)
        if self.outcome is not None:
            told()

    def ignore(self, told: Callable[[], None]) -> None:
        """Call `told` no more; it may have been passed over already."""
        with contextlib.suppress(ValueError):
            self._listeners.remove(told)

    @contextlib.contextmanager
    def gate(self) -> Iterator[Inflight]:
        """Give what one waiter of several parks for: it has a chunk once the end is there."""
        gate = Inflight(self.call)

        def told() -> None:
            gate.push(b"")

        self.listen(told)
        try:
            yield gate
        finally:
            self.ignore(told)

    def finish(self, outcome: Outcome) -> None:
        """Store the end, and tell all who listen."""
        super().finish(outcome)
        for told in tuple(self._listeners):
            told()
