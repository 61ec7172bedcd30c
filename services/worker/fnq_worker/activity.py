"""What a worker is doing, for who decides how many workers there should be."""

from __future__ import annotations

import asyncio
from collections import Counter

from fnq_core.presence import Presence
from fnq_worker.pace import Pace
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from fnq_worker.runs import Runs

__all__ = ["Activity"]


class Activity:
    """Reads the runs and the pace of one workbench."""

    def __init__(self, runs: Runs, pace: Pace) -> None:
        self._runs = runs
        self._pace = pace
        #: Whether the worker takes no more calls, but those that running ones wait for.
        self.cordoned = False

    def tell(self, presence: Presence) -> tuple[Counter[Runner | None], list[Run]]:
        """Fill in what the worker does now.

        Return how busy each runner is, and the runs that have begun.
        """
        now = asyncio.get_running_loop().time()
        busy = self._runs.busy()
        begun = [run for run in self._runs if run.started_at and not run.ended]
        presence.busy, presence.calls = busy.total(), len(begun)
        presence.idle_s = round(self._runs.idle_s(now), 3)
        longest_s = now - min((run.started_at for run in begun), default=now)
        presence.run_s = round(max(self._pace.average_s or 0.0, longest_s), 6)
        return busy, begun
