"""The specification's own examples, as they are, beside which they lie.

What they download or compute is stood in for by small modules on PYTHONPATH; as
local modules these travel to the workers with the functions that import them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import Stack
from tests.spec.program import lines, run
from tests.spec.standins import EXAMPLES, STREAMED, write

pytestmark = pytest.mark.spec

#: Where the examples put what they download; the path is theirs.
AUDIO = Path("/tmp/audio")


@pytest.fixture
def standins(tmp_path: Path) -> Iterator[Path]:
    """A folder with modules that stand in for what the examples import."""
    folder = tmp_path / "standins"
    folder.mkdir()
    write(folder)
    there_before = AUDIO.exists()
    yield folder
    if not there_before:
        AUDIO.unlink(missing_ok=True)


def example(stack: Stack, name: str, standins: Path) -> subprocess.CompletedProcess[str]:
    """Run an example from where it lies."""
    path = EXAMPLES / f"{name}.py"
    if not path.exists():
        pytest.skip(f"the specification's {name}.py is not here: {path}")
    # Workers must find the stand-ins in what was shipped, not in their environment.
    stack.up()
    return run(stack, path, env={"PYTHONPATH": str(standins)})


imaged = pytest.mark.skipif(
    ClusterStack.named(), reason="a cluster builds images where it has a registry, with tests of it"
)


@pytest.mark.parametrize("name", ["add", *(pytest.param(each, marks=imaged) for each in STREAMED)])
def test_an_example_prints_what_the_specification_shows(
    stack: Stack, standins: Path, name: str
) -> None:
    """The files run unchanged."""
    done = example(stack, name, standins)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == {"add": ["8"], **STREAMED}[name]


def test_the_example_that_divides_shows_the_error(stack: Stack, standins: Path) -> None:
    """Type and message are what this Python says: "float division by zero" before 3.14."""
    done = example(stack, "divide", standins)
    assert done.returncode == 0, done.stderr
    with pytest.raises(ZeroDivisionError) as told:
        1.0 / 0.0  # noqa: B018 - it raises
    assert done.stdout == f"ZeroDivisionError: {told.value}\n"


def test_the_example_that_fails_in_a_stream_shows_what_came_before(
    stack: Stack, standins: Path
) -> None:
    """The chunks first, then the error as an uncaught one."""
    done = example(stack, "mid_stream_error", standins)
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
