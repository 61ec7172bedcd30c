"""The runners that take calls, and which of them takes the next one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fnq_worker.runner import Runner

__all__ = ["Pool"]

_taken = attrgetter("taken")


class Pool:
    """The runners of one agent that take calls: `runners` at most, each with `slots` slots."""

    def __init__(self, runners: int, slots: int) -> None:
        self.slots = slots
        self._runners = runners
        self._members: list[Runner] = []

    def __iter__(self) -> Iterator[Runner]:
        return iter(self._members)

    def __contains__(self, runner: object) -> bool:
        return runner in self._members

    @property
    def alone(self) -> bool:
        """Whether there is one slot in all."""
        return self._runners == self.slots == 1

    def add(self, runner: Runner) -> None:
        """Let a runner take calls."""
        self._members.append(runner)

    def remove(self, runner: Runner) -> None:
        """Let a runner take no more calls, if it did."""
        if runner in self._members:
            self._members.remove(runner)

    def roomiest(self, most: int) -> Runner | None:
        """Return the runner that has taken the fewest calls, and less than `most`."""
        members = self._members
        runner = members[0] if len(members) == 1 else min(members, key=_taken, default=None)
        return runner if runner is not None and runner.taken < most else None

    def room(self) -> int:
        """Return how many slots are free; while no runner takes calls, those that will be.

        Below 0 where one runner has more than its slots: borrowers that kept theirs.
        """
        if not self._members:
            return self._runners * self.slots
        if self._runners == 1:
            return self.slots - self._members[0].taken
        return sum(max(0, self.slots - runner.taken) for runner in self._members)
