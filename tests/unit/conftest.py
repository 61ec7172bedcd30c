"""A real Redis for the tests that need one, and coroutines as tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loop import run_coroutine_test
from tests.redis import RedisServer, ownerless


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function."""
    return run_coroutine_test(pyfuncitem)


@pytest.fixture(scope="session")
def _server() -> Iterator[RedisServer]:
    """One Redis for the whole run."""
    # Not pytest's folder for temporary files: its names are too long for a socket.
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def server(_server: RedisServer) -> Iterator[RedisServer]:
    """An empty Redis; the test fails if it leaves a key that nobody will delete."""
    _server.ask("FLUSHALL")
    yield _server
    left = list(ownerless(_server))
    assert not left, f"keys without a lifetime or an owner: {left}"
