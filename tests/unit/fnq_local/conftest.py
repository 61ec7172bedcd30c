"""What the tests of the embedded stack share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.fnq_local.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A place for stacks; nothing that runs there outlives the test."""
    made = Stack(tmp_path / "state")
    yield made
    made.end()
