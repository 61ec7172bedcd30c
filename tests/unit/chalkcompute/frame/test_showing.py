"""Who looks how the rows of a frame come, and how often."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from chalkcompute import progress, runtime
from chalkcompute.frame import showing
from chalkcompute.frame.tally import Tally
from tests.livestack import wait_until


class Route:
    """A route that notes how often its rows are counted."""

    def __init__(self, *functions: str, problem: Exception | None = None) -> None:
        self.functions = functions
        self.counted = 0
        self._problem = problem

    def count(self) -> int:
        """Say 3, or what goes wrong."""
        self.counted += 1
        if self._problem is not None:
            raise self._problem
        return 3


class Session:
    """A session whose functions have two workers each."""

    def __init__(self) -> None:
        self.functions = self
        self.asked = 0

    def workers(self, _name: str) -> int:
        """Note that it was asked."""
        self.asked += 1
        return 2


@pytest.fixture
def tallies(monkeypatch: pytest.MonkeyPatch) -> list[Tally]:
    """Return the tallies that are made, on what counts as a terminal."""
    made: list[Tally] = []

    def keep(now: float) -> Tally:
        made.append(Tally(now))
        return made[-1]

    monkeypatch.setattr(showing, "Tally", keep)
    monkeypatch.setattr(showing, "_LOOK_S", 0.001)
    monkeypatch.setattr(progress, "_draws", lambda *_: True)
    monkeypatch.setattr(progress, "_FLICKER_S", 3_600.0)
    return made


def batches() -> Iterator[pa.RecordBatch]:
    """Yield three rows."""
    yield pa.record_batch({"n": [1, 2]})
    yield pa.record_batch({"n": [3]})


def looking() -> list[threading.Thread]:
    """Return the threads that look."""
    return [each for each in threading.enumerate() if each.name == "fnq-rows"]


def test_rows_are_counted_once_and_workers_again_and_again(
    monkeypatch: pytest.MonkeyPatch, tallies: list[Tally]
) -> None:
    """Until the rows have come, or nobody reads them."""
    session, route = Session(), Route("f", "g")
    monkeypatch.setattr(runtime, "current_session", lambda: session)
    rows: Any = showing.tallied(batches(), route)  # type: ignore[arg-type]
    next(rows)
    wait_until("workers were asked for", lambda: session.asked > 6)
    assert (route.counted, tallies[0].total, tallies[0].workers) == (1, 3, 4)
    rows.close()
    wait_until("nobody looks", lambda: not looking())
    assert tallies[0].rows(time.monotonic())[0].step.startswith("2 of 3 rows")


@pytest.mark.parametrize("problem", [None, ValueError("damaged"), OSError("gone")])
def test_what_cannot_be_counted_ends_the_look_quietly(
    tallies: list[Tally], problem: Exception | None
) -> None:
    """Whoever reads the rows is told of it; without functions there is nothing more to look at."""
    route = Route(problem=problem)
    rows: Any = showing.tallied(batches(), route)  # type: ignore[arg-type]
    next(rows)
    wait_until("nobody looks", lambda: route.counted and not looking())
    assert (route.counted, tallies[0].total) == (1, None if problem else 3)
    assert [batch.num_rows for batch in rows] == [1]
