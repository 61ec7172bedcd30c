"""Says how an agent is, and hears in return whether it is still needed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from fnq_core.connection import UNREACHABLE
from fnq_core.presence import POST_S, Presence, PresenceBoard, Running
from fnq_worker.activity import Activity
from fnq_worker.run import Run

if TYPE_CHECKING:
    from fnq_worker.crew import Crew

__all__ = ["Herald"]

#: Seconds between two posts of an agent that has calls: whether more are needed shows there.
_BUSY_POST_S = 0.5
#: Seconds between two posts of one that is cordoned: calls may wait for it to be let free.
_CORDONED_POST_S = 0.1
#: Seconds until an agent that is cordoned says so: by then a call that was on its way to
#: it when it told its consumer has arrived.
_SETTLE_S = 0.25
#: Runs that are named for people who look.
_MOST_SHOWN = 64
_log = structlog.get_logger()


class Herald:
    """Keeps the presence of one agent: on change, and often enough to be believed."""

    def __init__(self, board: PresenceBoard, presence: Presence) -> None:
        self._board = board
        self._presence = presence
        self._state = "starting"
        #: Whether calls can reach the agent.
        self._reachable = False
        self._news = asyncio.Event()
        self._activity: Activity
        self._crew: Crew
        self._restate: Callable[[], None]
        #: Loop time since which it is cordoned.
        self._cordoned_at = 0.0

    def follow(self, activity: Activity, crew: Crew, restate: Callable[[], None]) -> None:
        """Tell of these from now on; `restate` says anew what there is room for."""
        self._activity, self._crew, self._restate = activity, crew, restate

    def standing(self, state: str, reason: str, traceback: str) -> None:
        """Take note of how the runners are."""
        self._state = state
        self._presence.reason, self._presence.traceback = reason, traceback
        self._news.set()

    def attached(self) -> None:
        """Take note that calls can reach the agent."""
        self._reachable = True
        self._news.set()

    def parted(self) -> None:
        """Say at once that the agent is there: its stream to the consumer broke."""
        self._news.set()

    async def arrive(self) -> None:
        """Post the presence for the first time."""
        await self._board.arrive(self._presence)

    async def post_forever(self) -> None:
        """Post, until cancelled."""
        while True:
            self._news.clear()
            self._tell()
            with contextlib.suppress(*UNREACHABLE):
                self._obey(await self._board.post(self._presence))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._news.wait()

    def _pause_s(self) -> float:
        if self._activity.cordoned:
            return _CORDONED_POST_S
        return POST_S if self._presence.idle_s else _BUSY_POST_S

    def _tell(self) -> None:
        """Fill in how the agent is now."""
        presence = self._presence
        busy, begun = self._activity.tell(presence)
        presence.runners = " ".join(
            f"{each.pid}:{busy[each]}" for each in self._crew.runners if each.pid
        )
        presence.runs = _shown(begun)
        presence.state = self._shown_state()

    def _shown_state(self) -> str:
        if self._state != "ready":
            return self._state
        settled = asyncio.get_running_loop().time() - self._cordoned_at >= _SETTLE_S
        if self._activity.cordoned and settled:
            return "cordoned"
        # Ready is who can be reached by calls.
        return "ready" if self._reachable else "starting"

    def _obey(self, cordoned: bool) -> None:
        """Take no more calls, or take them again."""
        if cordoned == self._activity.cordoned:
            return
        self._activity.cordoned = cordoned
        self._cordoned_at = asyncio.get_running_loop().time()
        self._restate()
        if not cordoned:
            self._news.set()
        _log.info("takes no more calls" if cordoned else "takes calls again")

    async def withdraw(self) -> None:
        """Take the presence away: the agent ends."""
        await self._board.withdraw(self._presence)


def _shown(begun: Sequence[Run]) -> str:
    """Return what runs in the words of a presence; of very many, some."""
    behind_s = time.time() - asyncio.get_running_loop().time()
    return " ".join(
        Running(
            run.call.call, run.epoch, run.attempt, int((run.started_at + behind_s) * 1000)
        ).text()
        for run in begun[:_MOST_SHOWN]
    )
