"""Tells on stderr why nothing comes of a call that is waited for: no worker takes it.

Only calls that have been waited for a while are looked at, and a server is asked about one
of each function version. What is ordinary (the queue, a batch, a limit, the next attempt)
is not told. There is none in workers, whose session is another one.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalkcompute import progress
from chalkcompute.inflight import Inflight
from fnq_wire import callid
from fnq_wire.session import BYE_S

if TYPE_CHECKING:
    from fnq.v1 import calls_pb2
    from fnq_wire.session import ClientSession

__all__ = ["Suspense", "Vigil"]

#: Seconds between two looks, and for which a call is waited for before it is asked about.
_LOOK_S = 2.0
#: Seconds, at most, until a version is asked about again of which no worker is missing.
_LONGEST_PAUSE_S = 60.0


@dataclass(slots=True)
class _Asked:
    """What was heard of a version: the reason told last, and when to ask again."""

    reason: str = ""
    due: float = 0.0
    pause_s: float = 0.0


class Suspense:
    """Says which calls to ask about, and which answers are news. Pure; `now` is in seconds."""

    def __init__(self) -> None:
        self._versions: dict[int, _Asked] = {}

    def questions(self, waiting: Iterable[bytes], now: float) -> list[bytes]:
        """Return the calls to ask about, of those that are waited for, the oldest first.

        They are the first of each version, unless it was asked about lately. A version
        that nobody waits for is forgotten.
        """
        first: dict[int, bytes] = {}
        for call in waiting:
            first.setdefault(callid.parse(call).function, call)
        self._versions = {each: self._versions.get(each, _Asked()) for each in first}
        return [call for each, call in first.items() if self._versions[each].due <= now]

    def is_news(self, call: bytes, reason: str, now: float) -> bool:
        """Take why no worker takes a call, "" where that does not hold it; say whether to tell.

        It is told once, and again when it is another one, or there was a worker meanwhile.
        """
        asked = self._versions[callid.parse(call).function]
        news = reason not in ("", asked.reason)
        pause_s = 0.0 if reason else min(2 * asked.pause_s, _LONGEST_PAUSE_S)
        asked.reason, asked.pause_s = reason, max(_LOOK_S, pause_s)
        asked.due = now + asked.pause_s
        return news


class Vigil:
    """Looks at what is in flight in `state`, under its `lock`, until it is ended.

    `glance` says what a server knows of a call, None where none answers.
    """

    def __init__(
        self,
        state: ClientSession,
        lock: threading.RLock,
        glance: Callable[[bytes], calls_pb2.CallFacts | None],
    ) -> None:
        self._state = state
        self._lock = lock
        self._glance = glance
        self._suspense = Suspense()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="fnq-vigil", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Tell nothing more. The channel is closed by then, which ends a question."""
        self._over.set()
        self._thread.join(BYE_S)

    def _keep(self) -> None:
        while not self._over.wait(_LOOK_S):
            for call in self._suspense.questions(self._waiting(), time.monotonic()):
                found = self._glance(call)
                if self._over.is_set():
                    return
                if found and self._suspense.is_news(call, found.no_worker, time.monotonic()):
                    progress.tell(found.function, found.no_worker)

    def _waiting(self) -> list[bytes]:
        """Return the calls that somebody here has waited for so long, oldest first."""
        with self._lock:
            now_ms = time.time_ns() // 1_000_000 + self._state.grant[1]
            until_ms = now_ms - int(_LOOK_S * 1000)
            # They are in order: where calls are quick only the first is looked at.
            old = itertools.takewhile(
                lambda each: callid.parse(each.call).ms <= until_ms, self._state.in_flight
            )
            return [
                each.watched or each.call
                for each in old
                if isinstance(each.sink, Inflight) and each.sink.awaited
            ]
