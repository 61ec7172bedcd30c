"""One figure that was measured several times, and what it must reach."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["FLOORS", "Figure", "Floor", "Verdict", "judge", "number", "percentile"]


@dataclass(slots=True)
class Figure:
    """The values of one figure, in the order in which they were measured."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Return the median of the values."""
        return statistics.median(self.values)

    @property
    def text(self) -> str:
        """Return the median, and the least and the greatest where there are several."""
        spread = ""
        if len(self.values) > 1:
            spread = f" ({number(min(self.values))}-{number(max(self.values))})"
        return f"{number(self.median)}{spread}"


@dataclass(frozen=True, slots=True)
class Floor:
    """What the median of a figure must reach: at least `bound`, or at most."""

    figure: str
    bound: float
    most: bool

    def holds(self, value: float) -> bool:
        """Return whether `value` reaches it."""
        return value <= self.bound if self.most else value >= self.bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a floor is reached; one whose figure was not measured is not."""

    floor: Floor
    value: float | None

    @property
    def passed(self) -> bool:
        """Return whether the floor is reached."""
        return self.value is not None and self.floor.holds(self.value)

    @property
    def text(self) -> str:
        """Return the verdict as a line."""
        bound = f"{'at most' if self.floor.most else 'at least'} {number(self.floor.bound)}"
        came = "not measured" if self.value is None else number(self.value)
        return f"{'PASS' if self.passed else 'MISS'}  {self.floor.figure}: {came}, {bound}"


FLOORS = (
    Floor("sequential p50, ms", 3.0, most=True),
    Floor("together, calls/s", 3_000, most=False),
    Floor("together, CPU s per 10,000 calls", 6.0, most=True),
    Floor("stream, chunks/s", 8_000, most=False),
    Floor("64 MiB there and back, MiB/s", 500, most=False),
    Floor("map, of the speed of a loop", 0.25, most=False),
    Floor("cold start, s", 2.0, most=True),
    Floor("warm start, s", 0.5, most=True),
    Floor("cold call, ms", 300, most=True),
    Floor("import chalkcompute, CPU ms", 120, most=True),
)


def judge(figures: Mapping[str, Figure], floors: Sequence[Floor] = FLOORS) -> list[Verdict]:
    """Return what became of each floor; medians count."""
    return [
        Verdict(floor, figures[floor.figure].median if floor.figure in figures else None)
        for floor in floors
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` of `values` lie; the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
