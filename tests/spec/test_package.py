"""Functions in a package that scripts import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import PROGRAMS, lines

pytestmark = pytest.mark.spec


def test_a_package_travels_with_its_data_and_its_relative_imports(stack: Stack) -> None:
    """Imports at the top and in bodies, a file read beside the module, a call across modules."""
    assert lines(stack, "use_package.py") == [
        "<new>",
        "['<new> tide', '<crescent> tide', '<half> tide']",
        "<tonight> <half>",
    ]


def test_a_package_run_as_a_program_calls_its_functions(stack: Stack, tmp_path: Path) -> None:
    """`python -m`, from a folder where the package is found by its path only."""
    done = subprocess.run(
        [sys.executable, "-m", "almanac"],
        env=stack.env | {"PYTHONPATH": str(PROGRAMS)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=stack.patience_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["<full>", "['<new> tide', '<crescent> tide']"]
