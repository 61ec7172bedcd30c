"""Decides which runs go to the runner, and when: slots, loans, a short queue. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from fnq_worker.loans import Loans
from fnq_worker.pace import Pace, room_ahead
from fnq_worker.run import Run

__all__ = ["Gate"]

#: Most dispatches that wait inside the runner beyond its slots.
_PIPELINE = 32


class Gate:
    """Lets runs pass to the runner of one agent.

    `ready` says whether there is a runner that takes calls; `send` sends it one,
    and says in the run that it did. What cannot pass waits, in order.
    """

    def __init__(
        self, slots: int, sync: bool, ready: Callable[[], bool], send: Callable[[Run], None]
    ) -> None:
        self._slots = slots
        self._pipelined = sync and slots == 1
        self._ready = ready
        self._send = send
        self._waiting: deque[Run] = deque()
        #: Runs that have passed and take a slot of the worker.
        self._taken = 0
        self._loans = Loans()
        self.pace = Pace()
        #: Whether the function was seen to call others.
        self.nests = False

    def free(self, *, stalled: bool) -> int:
        """Return how many calls there is room for, where `stalled` without a queue."""
        ahead = 0 if stalled else room_ahead(self.pace, self.nests)
        return max(0, self._slots + ahead - self._taken - len(self._waiting))

    def lent(self) -> Counter[int]:
        """Return the lent slots that nobody has taken, by the least depth they admit."""
        return self._loans.open()

    def arrive(self, run: Run) -> None:
        """Take a run up: a lent slot is taken at once, for any other it may wait."""
        if self._ready() and self._loans.borrow(run):
            self._send(run)
        else:
            self._waiting.append(run)
            self.feed()

    def feed(self) -> None:
        """Send the runner what it may begin, and a little more where calls are short."""
        limit = self._slots
        if self._pipelined:
            limit += min(_PIPELINE, room_ahead(self.pace, self.nests))
        while self._waiting and self._taken < limit and self._ready():
            self._taken += 1
            self._send(self._waiting.popleft())

    def take_out(self) -> Run | None:
        """Take out the first run that waits, if one does."""
        return self._waiting.popleft() if self._waiting else None

    def leave(self, run: Run) -> None:
        """Free what a run took, whether it has passed or waits; others may pass then."""
        if run.runner is None:
            if run in self._waiting:
                self._waiting.remove(run)
        elif run.lender is None:
            self._taken -= 1
        self._loans.give_back(run)
        self._taken += self._loans.reclaim(run)
        self.feed()

    def lend(self, run: Run, depth: int) -> None:
        """Offer the slot of a run that waits for a nested call."""
        self.nests = True
        self._loans.lend(run, depth)

    def reclaim(self, run: Run) -> None:
        """Withdraw the slot of a run that goes on; who has it may finish."""
        self._taken += self._loans.reclaim(run)
