"""The runs that an agent has, by their calls, and the batches that they are in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Container, Iterator

from fnq_worker.batch import Batches
from fnq_worker.run import Run
from fnq_worker.runner import Runner

__all__ = ["Runs"]

#: Seconds that are told from none.
_MOMENT_S = 0.001


class Runs:
    """Runs from their dispatch until they are settled."""

    def __init__(self) -> None:
        self._by_call: dict[bytes, Run] = {}
        self.batches = Batches()
        self._emptied = asyncio.Event()
        #: Loop time since which there has been none.
        self._empty_at = asyncio.get_running_loop().time()

    def __iter__(self) -> Iterator[Run]:
        """Yield all of them; some may be forgotten meanwhile."""
        return iter(tuple(self._by_call.values()))

    def add(self, run: Run) -> None:
        """Take up a run, in the place of an earlier one of its call."""
        self._by_call[run.call.call] = run

    def of(self, call: bytes) -> Run | None:
        """Return the latest run of a call."""
        return self._by_call.get(call)

    def live(self, address: bytes, epoch: int) -> Run | None:
        """Return the run or batch that frames call so, unless it or its epoch is over."""
        run = self._by_call.get(address) or self.batches.get(address)
        return run if run is not None and run.epoch == epoch and not run.ended else None

    def invocations(self) -> list[Run]:
        """Return what goes to a runner as one: runs, and batches in the place of theirs."""
        return [*(run for run in self if run.batch is None), *self.batches]

    def busy(self) -> Counter[Runner | None]:
        """Return how many invocations have begun and not ended, by their runner."""
        begun = (run for run in self.invocations() if run.started_at and not run.ended)
        return Counter(run.runner for run in begun)

    def newest(self, runners: Container[Runner | None]) -> float:
        """Return when the newest invocation that runs in one of them began, 0 without any."""
        those = (run for run in self.invocations() if run.runner in runners and not run.ended)
        return max((run.started_at for run in those), default=0.0)

    def forget(self, run: Run) -> None:
        """Let go of a run, unless another of its call has its place already."""
        if self._by_call.get(run.call.call) is run:
            del self._by_call[run.call.call]
        if not self._by_call:
            self._empty_at = asyncio.get_running_loop().time()
            self._emptied.set()

    def idle_s(self, now: float) -> float:
        """Return for how long there has been none, at least a moment; 0 where there is one."""
        return 0.0 if self._by_call else max(_MOMENT_S, now - self._empty_at)

    async def emptied(self) -> None:
        """Return when every run is settled."""
        while self._by_call:
            self._emptied.clear()
            await self._emptied.wait()
