"""A function mapped over many inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


@pytest.mark.machine
@pytest.mark.timed
def test_a_function_is_mapped_over_inputs_in_every_way(stack: Stack, tmp_path: Path) -> None:
    """In order or not, from one iterable or two, nested, and left early."""
    assert lines(stack, "maps.py", str(tmp_path)) == [
        "ordered and unordered True",
        "two iterables [5.0, 7.1, 10.0]",
        "starmap [5.0, 1.414]",
        "by name [3, 6]",
        "3 6",
        "row 2 ValueError: -1 is negative | in row 2 of the map, counted from 0 | then []",
        "kept ['3', 'ValueError: -2 is negative', '9', 'ValueError: -4 is negative']",
        "row 2 RuntimeError: the third",
        "cancelled True",
        "tried again [0, 1, 2, 3, 4, 5, 6]",
        "of each row ['CallTimeoutError', 'CallTimeoutError', 'CallTimeoutError']",
        "within a deadline [0, 1, 2]",
        "first [0, 3, 6, 9, 12] True",
        "left 30000",
        "side by side 2 True",
        "async for [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]",
        "together True",
        "nested True True",
    ]


@pytest.mark.machine
def test_a_row_that_kills_its_worker_or_hangs_spoils_no_other(stack: Stack, tmp_path: Path) -> None:
    """Every row has one outcome; one that does so each time fails alone."""
    assert lines(stack, "map_deaths.py", str(tmp_path)) == [
        "killed True True",
        "spoilt [2500] ['WorkerLostError']",
        "spoilt [2500] ['CallTimeoutError']",
    ]


@pytest.mark.machine
@pytest.mark.timed
def test_slow_rows_are_shared_by_all_workers(stack: Stack) -> None:
    """None waits behind another one while a worker is free."""
    assert lines(stack, "map_workers.py") == ["rows of each worker [4, 4]", "rows behind others 0"]
