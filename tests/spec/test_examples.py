"""The specification's own examples, as they are, where they lie; those with images apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import lines
from tests.spec.standins import EXAMPLES, example

pytestmark = pytest.mark.spec


def test_the_example_that_adds_prints_the_sum(stack: Stack) -> None:
    """The file runs unchanged."""
    done = example(stack, "add")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "8\n"


def test_the_example_that_divides_shows_the_error(stack: Stack) -> None:
    """Type and message are what this Python says: "float division by zero" before 3.14."""
    done = example(stack, "divide")
    assert done.returncode == 0, done.stderr
    with pytest.raises(ZeroDivisionError) as told:
        1.0 / 0.0  # noqa: B018 - it raises
    assert done.stdout == f"ZeroDivisionError: {told.value}\n"


def test_the_example_that_fails_in_a_stream_shows_what_came_before(stack: Stack) -> None:
    """The chunks first, then the error as an uncaught one."""
    done = example(stack, "mid_stream_error")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["ok-1", "ok-2"]
    assert "RemoteError: ValueError: something went wrong" in done.stderr
    assert 'raise ValueError("something went wrong")' in done.stderr


@pytest.mark.slow
def test_the_frame_of_the_specification_calls_a_function_for_each_row(
    stack: Stack, tmp_path: Path
) -> None:
    """A million of them, of a real file, in order, as a plain loop would; by its name alone."""
    path = EXAMPLES / "dataframe.py"
    if not path.exists():
        pytest.skip(f"the specification's dataframe.py is not here: {path}")
    lines(stack, "framed_entities.py")
    told = lines(stack, "framed_example.py", str(path), str(tmp_path), "1000000")
    assert told == ["1000000 transaction_id memo entities True"]
