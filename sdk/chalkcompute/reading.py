"""What comes bit by bit, and is read by one reader at a time."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Reading"]

T_co = TypeVar("T_co", covariant=True)


class Reading(ABC, Generic[T_co]):
    """The base of `Stream` and `Map`: closing, leaving, and that readers take turns.

    A subclass gives `__anext__`, and `_let_go`, which ends what it reads.
    """

    def __init__(self) -> None:
        self._closed = False
        #: Whether a reader left before the end, so that reading on would miss something.
        self._left = False
        self._turn = threading.Lock()

    def close(self) -> None:
        """Cancel what is in flight and drop what was not read; may be repeated."""
        # Who closes knows that there is no more.
        self._left = False
        self._stop()

    async def aclose(self) -> None:
        """Do as `close`, for `contextlib.aclosing`."""
        self.close()

    def __aiter__(self) -> AsyncIterator[T_co]:
        return _Cursor(self)

    @abstractmethod
    async def __anext__(self) -> T_co:
        """Return what comes next, once it is there."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def _take_turn(self) -> None:
        """Become the one reader; ValueError while another one waits."""
        if not self._turn.acquire(blocking=False):
            raise ValueError(
                f"{self!r} is being read already: read it in one thread or task, and hand what "
                "comes on by a queue"
            )

    def _leave(self) -> None:
        """Close, and remember that something was missed."""
        if not self._closed:
            self._left = True
            self._stop()

    def _stop(self) -> None:
        if not self._closed:
            self._closed = True
            self._let_go()

    @abstractmethod
    def _let_go(self) -> None:
        """End what is read, and drop what came of it; called once."""


class _Cursor(Generic[T_co]):
    """One `async for`: forgetting it after something came is leaving the loop."""

    __slots__ = ("_has_read", "_reading")

    def __init__(self, reading: Reading[T_co]) -> None:
        self._reading = reading
        self._has_read = False

    def __aiter__(self) -> _Cursor[T_co]:
        return self

    async def __anext__(self) -> T_co:
        self._has_read = False
        found = await self._reading.__anext__()
        self._has_read = True
        return found

    def __del__(self) -> None:
        if self._has_read:
            self._reading._leave()  # noqa: SLF001 - the cursor is a part of the reading
