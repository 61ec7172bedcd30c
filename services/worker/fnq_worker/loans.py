"""Slots that waiting runs lend: who offers one, and who has it meanwhile. Pure."""

from __future__ import annotations

from collections import Counter

from fnq_worker.run import Run
from fnq_worker.runner import Runner

__all__ = ["Loans"]


class Loans:
    """The lent slots of one agent. Each lender has one borrower at most."""

    def __init__(self) -> None:
        self._lenders: set[Run] = set()

    def open(self) -> Counter[int]:
        """Return the lent slots that nobody has taken, by the least depth they admit."""
        return Counter(run.lends for run in self._lenders if run.borrower is None)

    def lend(self, run: Run, depth: int) -> None:
        """Offer the slot of a run that waits, to calls of `depth` at least."""
        run.lends = depth
        self._lenders.add(run)

    def reclaim(self, run: Run) -> bool:
        """Withdraw the slot of a run that goes on or ends.

        True when somebody has it: he keeps a slot of his own from now on.
        """
        run.lends = 0
        self._lenders.discard(run)
        borrower, run.borrower = run.borrower, None
        if borrower is None:
            return False
        borrower.lender = None
        return True

    def borrow(self, run: Run) -> bool:
        """Give a run the deepest lent slot that admits it; False where there is none."""
        depth = run.call.depth
        fitting = [each for each in self._lenders if each.borrower is None and each.lends <= depth]
        if not fitting:
            return False
        lender = max(fitting, key=lambda each: each.lends)
        run.lender, lender.borrower = lender, run
        return True

    def withdraw(self, runner: Runner) -> None:
        """Offer no more what is lent in a runner; who has it may finish."""
        self._lenders = {each for each in self._lenders if each.runner is not runner}

    def give_back(self, run: Run) -> None:
        """Return the slot that a run has borrowed, if it has: it is lent anew."""
        if run.lender is not None:
            run.lender.borrower = None
            run.lender = None
