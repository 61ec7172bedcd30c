"""The input of a map, read a little at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

__all__ = ["Intake"]

#: Seconds after which an entry does not wait for further rows of a slow input.
_PATIENCE_S = 0.01


class Intake:
    """Rows that nobody has sent yet; `read` is the number of those that were taken.

    An input that raises has ended; `problem` is what it raised.
    """

    def __init__(self, rows: Iterable[Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._rows: Iterator[Any] = iter(rows)
        self._clock = clock
        self._back: list[Any] = []
        self.read = 0
        self.over = False
        self.problem: Exception | None = None

    def take(self, most: int) -> list[Any]:
        """Return the next rows, `most` at most, fewer of a slow input; none when it has ended.

        It blocks as the input does, for one row.
        """
        taken, self._back = self._back[:most], self._back[most:]
        if not taken:
            self._fill(taken, most)
        self.read += len(taken)
        return taken

    def put_back(self, rows: list[Any]) -> None:
        """Have rows that were taken last taken again."""
        self._back = rows + self._back
        self.read -= len(rows)

    def close(self) -> None:
        """Let go of the input, as if it had ended."""
        self._rows, self._back, self.over = iter(()), [], True

    def _fill(self, taken: list[Any], most: int) -> None:
        """Read in steps that double, so that the clock is asked seldom."""
        deadline = self._clock() + _PATIENCE_S
        step = 1
        while len(taken) < most and not self.over:
            step = min(step, most - len(taken))
            before = len(taken)
            try:
                # One by one into the list: what came before an error is not lost.
                taken.extend(islice(self._rows, step))
            except Exception as problem:  # noqa: BLE001 - the input is the user's; it is told later
                self.over, self.problem = True, problem
                return
            self.over = len(taken) - before < step
            if self._clock() >= deadline:
                return
            step *= 2
