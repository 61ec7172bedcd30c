"""Waits for whichever of several calls has news first."""

from __future__ import annotations

import time
from collections import deque
from typing import Generic, TypeVar

from chalkcompute.inflight import Inflight

__all__ = ["Arrivals"]

T = TypeVar("T")


class Arrivals(Inflight, Generic[T]):
    """News of the calls that it watches, each by the name that it was given.

    To a session it is a call like any other, one to park for: each of its chunks says
    that there are news. What it watches is not parked for by itself.
    """

    __slots__ = ("_news",)

    def __init__(self) -> None:
        super().__init__(b"")
        self._news: deque[tuple[T, float]] = deque()

    def watch(self, inflight: Inflight, name: T) -> None:
        """Tell of each chunk of a call, and of its end; what came before is told once."""
        inflight.wake = lambda: self._note(name)
        if inflight.chunks or inflight.outcome is not None:
            self._note(name)

    def take(self) -> list[tuple[T, float]]:
        """Return whose news came, and when on the monotonic clock; never blocks."""
        self.chunks.clear()
        news = self._news
        return [news.popleft() for _ in range(len(news))]

    def _note(self, name: T) -> None:
        """Note news; called by the session, from any thread."""
        self._news.append((name, time.monotonic()))
        self.push(b"")
