"""Several calls waited for together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from chalkcompute import runtime
from chalkcompute.call import Call
from chalkcompute.errors import FnqError, NotDoneError
from chalkcompute.inflight import Inflight
from chalkcompute.settings import check_seconds

if TYPE_CHECKING:
    from chalkcompute.inflight import Watched
    from chalkcompute.port import Session

__all__ = ["AsCompleted", "as_completed", "gather"]

R = TypeVar("R")
#: Bytes of the number of a call.
_NUMBER = 4


class AsCompleted(Generic[R]):
    """Calls in the order in which they end, for `for` or `async for`; see `as_completed`."""

    def __init__(self, calls: Iterable[Call[R]], timeout: float | None) -> None:
        self._calls = list(calls)
        for call in self._calls:
            if not isinstance(call, Call):
                kind = type(call).__name__
                raise TypeError(f"calls: expected what f.spawn(...) returned, not {kind}")
        self._limit = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout
        self._gate = Inflight(b"")
        #: Whom to tell that nobody listens any more; None before the first call is asked for.
        self._told: list[tuple[Watched, Callable[[], None]]] | None = None
        self._session: Session
        self._given: set[int] = set()

    def _begin(self) -> None:
        if self._told is not None:
            return
        self._session = runtime.current_session()
        told = [
            (call._hear()[1], _teller(self._gate, number))  # noqa: SLF001 - a part of the call
            for number, call in enumerate(self._calls)
        ]
        for watched, tell in told:
            watched.listen(tell)
        self._told = told

    def _next(self) -> Call[R] | None:
        """Return a call that has ended and was not given yet."""
        ended = self._gate.chunks
        while ended:
            number = int.from_bytes(ended.popleft(), "big")
            if number not in self._given:
                self._given.add(number)
                return self._calls[number]
        return None

    def _left(self) -> float | None:
        """Return the seconds that there are; NotDoneError where there are none."""
        if self._limit is None:
            return None
        left = self._limit - time.monotonic()
        if left <= 0:
            count = len(self._calls) - len(self._given)
            raise NotDoneError(
                f"{count} of {len(self._calls)} calls have not ended within {self._timeout} s; "
                "they go on"
            )
        return left

    def __iter__(self) -> Iterator[Call[R]]:
        return self

    def __next__(self) -> Call[R]:
        self._begin()
        while len(self._given) < len(self._calls):
            call = self._next()
            if call is not None:
                return call
            self._session.park(self._gate, self._left())
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[Call[R]]:
        return self

    async def __anext__(self) -> Call[R]:
        import asyncio

        await runtime.aside(self._begin)
        while len(self._given) < len(self._calls):
            call = self._next()
            if call is not None:
                return call
            try:
                async with asyncio.timeout(self._left()):
                    await self._session.park_async(self._gate)
            except TimeoutError:
                self._left()
        raise StopAsyncIteration

    def __del__(self) -> None:
        for watched, tell in getattr(self, "_told", None) or ():
            watched.ignore(tell)


def _teller(gate: Inflight, number: int) -> Callable[[], None]:
    """Return what tells a gate that a call has ended; it knows nobody who waits there."""
    name = number.to_bytes(_NUMBER, "big")
    return lambda: gate.push(name)


def as_completed(calls: Iterable[Call[R]], timeout: float | None = None) -> AsCompleted[R]:
    """Return the calls as they end, whatever they end with: for `for` and `async for`.

    After `timeout` seconds NotDoneError, a TimeoutError, is raised; the calls go on.
    """
    if timeout is not None:
        check_seconds("timeout", timeout, zero=True)
    return AsCompleted(calls, timeout)


@overload
def gather(*calls: Call[R], return_exceptions: Literal[False] = False) -> list[R]: ...
@overload
def gather(*calls: Call[R], return_exceptions: bool) -> list[R | FnqError]: ...
def gather(*calls: Call[Any], return_exceptions: bool = False) -> list[Any]:
    """Block until all calls have ended; return their values in the order given.

    The first failure is raised as soon as it is there, and the other calls go on; with
    `return_exceptions` failures stand in the places of values. In a script's own event
    loop this blocks the loop: use `await asyncio.gather(*calls)` there.
    """
    found: dict[Call[Any], Any] = {}
    for call in as_completed({id(call): call for call in calls}.values()):
        try:
            found[call] = call.get()
        except FnqError as problem:
            if not return_exceptions:
                raise
            found[call] = problem
    return [found[call] for call in calls]
