"""Fixtures of the kill tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.livestack import Stack, one_stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of the test's own, gone after it."""
    with one_stack(tmp_path) as mine:
        yield mine
