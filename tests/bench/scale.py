"""How much a run of the benchmark does."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCALES", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of one run; every figure of a round is the median over `rounds`."""

    rounds: int
    #: Calls one after the other, and those before them that do not count.
    calls: int
    warm_ups: int
    #: Calls submitted together; messages pipelined through what stands beside them.
    together: int
    chunks: int
    #: Rows of one map.
    rows: int
    #: Cold starts, warm starts, cold calls, imports.
    starts: int
    #: Calls one after the other, and together, while system calls are counted.
    traced: int
    traced_together: int
    #: Large values there and back.
    large: int


SCALES = {
    "full": Scale(3, 2_000, 200, 10_000, 10_000, 1_000_000, 10, 500, 5_000, 8),
    "short": Scale(1, 400, 100, 3_000, 3_000, 200_000, 2, 200, 2_000, 4),
}
