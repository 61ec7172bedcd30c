"""A workshop for each test, and one clean interpreter for all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalkcompute.capture import origin
from tests.unit.chalkcompute.capture.clean import CleanInterpreter
from tests.unit.chalkcompute.capture.workshop import Workshop, forget


@pytest.fixture(scope="session")
def interpreter() -> Iterator[CleanInterpreter]:
    """Return an interpreter that knows nothing of the test."""
    process = CleanInterpreter()
    yield process
    process.close()


@pytest.fixture
def workshop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interpreter: CleanInterpreter
) -> Iterator[Workshop]:
    """Return a folder that is on the path as a script's is."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    origin.is_local.cache_clear()
    yield Workshop(folder, interpreter)
    forget(before)
