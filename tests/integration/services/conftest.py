"""Services as processes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.services.house import House


@pytest.fixture
def house() -> Iterator[House]:
    """A house with a Redis, and no service yet."""
    # Not pytest's folder for temporary files: its names are too long for a socket.
    with tempfile.TemporaryDirectory(prefix="house-") as folder:
        made = House(Path(folder))
        made.redis.start()
        yield made
        made.close()
