"""Decides which runs go to a runner, and when: slots, loans, a short queue. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from fnq_worker.loans import Loans
from fnq_worker.pace import Pace, room_ahead
from fnq_worker.pool import Pool
from fnq_worker.run import Run
from fnq_worker.runner import Runner

__all__ = ["Gate"]

#: Most dispatches that wait inside the runner beyond its slots.
_PIPELINE = 32


class Gate:
    """Lets runs pass to the runners of one agent.

    `pool` are those that take calls; `send` sends one of them a run, and says in the
    run that it did. What cannot pass waits, in order. Calls wait within a runner only
    where it is the one that there is, and takes one after another.
    """

    def __init__(self, pool: Pool, sync: bool, send: Callable[[Run, Runner], None]) -> None:
        self.pool = pool
        self._pipelined = sync and pool.alone
        self._send = send
        self._waiting: deque[Run] = deque()
        self._loans = Loans()
        self.pace = Pace()
        #: Whether the function was seen to call others.
        self.nests = False

    def free(self, *, stalled: bool) -> int:
        """Return how many calls there is room for, where `stalled` without a queue."""
        ahead = 0 if stalled else room_ahead(self.pace, self.nests)
        return max(0, self.pool.room() + ahead - len(self._waiting))

    def lent(self) -> Counter[int]:
        """Return the lent slots that nobody has taken, by the least depth they admit."""
        return self._loans.open()

    def arrive(self, run: Run) -> None:
        """Take a run up: a lent slot is taken at once, for any other it may wait."""
        if self._loans.borrow(run):
            assert run.lender is not None
            assert run.lender.runner is not None
            self._send(run, run.lender.runner)
        else:
            self._waiting.append(run)
            self.feed()

    def feed(self) -> None:
        """Send the runners what they may begin, and a little more where calls are short."""
        if not self._waiting:
            return
        limit = self.pool.slots
        if self._pipelined:
            limit += min(_PIPELINE, room_ahead(self.pace, self.nests))
        while self._waiting and (runner := self.pool.roomiest(limit)) is not None:
            runner.taken += 1
            self._send(self._waiting.popleft(), runner)

    def take_out(self) -> Run | None:
        """Take out the first run that waits, if one does."""
        return self._waiting.popleft() if self._waiting else None

    def leave(self, run: Run) -> None:
        """Free what a run took, whether it has passed or waits; others may pass then."""
        if run.runner is None:
            if run in self._waiting:
                self._waiting.remove(run)
        else:
            if run.lender is None:
                run.runner.taken -= 1
            self._loans.give_back(run)
            run.runner.taken += self._loans.reclaim(run)
        self.feed()

    def lend(self, run: Run, depth: int) -> None:
        """Offer the slot of a run that waits for a nested call, if its runner takes calls."""
        self.nests = True
        if run.runner in self.pool:
            self._loans.lend(run, depth)

    def reclaim(self, run: Run) -> None:
        """Withdraw the slot of a run that goes on; who has it may finish."""
        assert run.runner is not None
        run.runner.taken += self._loans.reclaim(run)

    def part_with(self, runner: Runner) -> None:
        """Let a runner take no more calls, not even into slots that are lent there."""
        self.pool.remove(runner)
        self._loans.withdraw(runner)
