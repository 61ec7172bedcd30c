"""Run some rows of a packed call of a sync function, and look at what they returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from fnq_runner.harvest import LOT, PLAIN, SHORT, Harvest
from fnq_runner.invocation import Interrupted, Invocation

if TYPE_CHECKING:
    from fnq_wire.rows import Row

__all__ = ["QuickSteps", "Steps", "stops"]


class Steps:
    """Rows one by one: what each returns is kept as it is then."""

    def __init__(
        self,
        invocation: Invocation,
        harvest: Harvest,
        function: Callable[..., Any],
        rows: Iterator[Row],
    ) -> None:
        self._invocation = invocation
        self._harvest = harvest
        self._function = function
        self._rows = rows

    def run(self, count: int) -> bool:
        """Run up to so many rows; return whether there were any.

        Raises what ends the whole run.
        """
        row = self._harvest.row
        function, values, kept = self._function, self._harvest.values, self._harvest.kept
        for args, kwargs in islice(self._rows, count):
            try:
                value = function(*args, **kwargs) if kwargs else function(*args)
                kind = type(value)
                if kind in PLAIN or (kind is str and len(value) <= SHORT):
                    values.append(value)
                    continue
                value = kept(value)
            except BaseException as problem:
                if stops(self._invocation, problem):
                    raise
                self._harvest.fail(problem)
            else:
                self._harvest.add(value)
        return self._harvest.row > row

    def look(self) -> None:
        """Have all results in order: they are."""


class QuickSteps:
    """Rows of a function that declares results which never change, without a step between them.

    What came is looked at when there is much of it, and before it is sent.
    """

    def __init__(
        self,
        invocation: Invocation,
        harvest: Harvest,
        function: Callable[..., Any],
        columns: list[Iterator[Any]],
    ) -> None:
        self._invocation = invocation
        self._harvest = harvest
        self._results = map(function, *columns)
        self._rows = invocation.rows
        self._unseen = 0

    def run(self, count: int) -> bool:
        """Do as `Steps.run`; after a row that failed it returns."""
        values = self._harvest.values
        before = len(values)
        try:
            # One by one into the list: what came before an error is not lost.
            values.extend(islice(self._results, count))
        except BaseException as problem:
            self._unseen += len(values) - before
            self.look()
            if stops(self._invocation, problem):
                raise
            self._harvest.fail(problem)
            return True
        came = len(values) - before
        self._unseen += came
        if came < count and self._harvest.row < self._rows:
            # What `map` and whoever reads it take for the end of the rows was raised by one.
            self.look()
            self._harvest.fail(StopIteration())
            return True
        if self._unseen >= LOT:
            self.look()
        return came > 0

    def look(self) -> None:
        """Write down what is something else than declared, and fail what cannot travel."""
        unseen, self._unseen = self._unseen, 0
        if unseen:
            self._harvest.settle(len(self._harvest.values) - unseen)


def stops(invocation: Invocation, problem: BaseException) -> bool:
    """Return whether what a row raised ends the whole run."""
    return invocation.cancelled or isinstance(problem, Interrupted)
