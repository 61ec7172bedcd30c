"""What is told of one deploy or one wait: which lines, and what a terminal shows now. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["BUILD", "SHOWN_LINES", "Account", "Line", "Row", "line"]

#: What a step of a build begins with.
BUILD = "image:"
#: Last lines of a build's output that a terminal shows, and that stay when it fails.
SHOWN_LINES = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A line for people; one that does not last is left out where the step is drawn live."""

    text: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """What is going on now: whose step, for how many seconds, and its last output."""

    function: str
    step: str
    seconds: float
    output: tuple[str, ...] = ()


@dataclass(slots=True)
class _Step:
    text: str
    since: float
    #: When the build that it belongs to began; None: it is no part of one.
    built_since: float | None
    output: deque[str] = field(default_factory=lambda: deque(maxlen=SHOWN_LINES))


class Account:
    """Takes what is heard, with the time in seconds, and says what is new to tell.

    Until `open` nothing is: what is over soon is not worth a line. `title` is what a
    terminal shows while no step was heard of.
    """

    def __init__(self, title: str, now: float) -> None:
        self._title = title
        self._since = now
        self._steps: dict[str, _Step] = {}
        self.is_open = self.is_over = False

    def hear(self, function: str, step: str, output: str, now: float) -> list[Line]:
        """Take a step of a function ("": of no one), or a line that its build printed."""
        told = [] if self._is_known(function, step) else list(self._begin(function, step, now))
        if output:
            self._steps[function].output.append(output)
        return told if self.is_open else []

    def open(self) -> list[Line]:
        """Return what is going on, once it has taken long enough to be told."""
        self.is_open = True
        return [line(function, step.text) for function, step in self._steps.items()]

    def end(self, now: float, *, failed: bool) -> list[Line]:
        """Return what is left to be said: what was built, or the last words of what failed."""
        if not self.is_open:
            return []
        told: list[Line] = []
        for function, step in self._steps.items():
            if not failed:
                told += _built(function, step, now)
            elif step.output:
                told.append(line(function, step.text, lasting=True))
                told += (Line(f"[fnq]   {each}", lasting=True) for each in step.output)
        return told

    def rows(self, now: float) -> list[Row]:
        """Return what a terminal shows."""
        if not self._steps:
            return [Row("", self._title, now - self._since)]
        return [
            Row(function, step.text, now - step.since, tuple(step.output))
            for function, step in self._steps.items()
        ]

    def _is_known(self, function: str, step: str) -> bool:
        return function in self._steps and self._steps[function].text == step

    def _begin(self, function: str, text: str, now: float) -> Iterator[Line]:
        before = self._steps.get(function)
        began = before.built_since if before is not None else None
        if not text.startswith(BUILD):
            if before is not None:
                yield from _built(function, before, now)
            began = None
        elif began is None:
            began = now
        self._steps[function] = _Step(text, now, began)
        yield line(function, text)


def line(function: str, text: str, *, lasting: bool = False) -> Line:
    """Return what is written of a function ("": of no one)."""
    return Line(f"[fnq] {function}: {text}" if function else f"[fnq] {text}", lasting)


def _built(function: str, step: _Step, now: float) -> Iterator[Line]:
    """Yield the one line that is left of a build which succeeded."""
    if step.built_since is not None:
        text = f"image built in {now - step.built_since:.1f} s"
        yield line(function, text, lasting=True)
