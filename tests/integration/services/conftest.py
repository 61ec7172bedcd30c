"""Services as processes, and coroutines as tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.services.house import House
from tests.loop import run_coroutine_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function."""
    return run_coroutine_test(pyfuncitem)


@pytest.fixture
def house() -> Iterator[House]:
    """A house with a Redis, and no service yet."""
    # Not pytest's folder for temporary files: its names are too long for a socket.
    with tempfile.TemporaryDirectory(prefix="house-") as folder:
        made = House(Path(folder))
        made.redis.start()
        yield made
        made.close()
