"""What the tests of this folder share: one stack, and one server started by hand; coroutines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.consul import ConsulAgent
from tests.integration.lone import LoneServer
from tests.livestack import Stack, one_stack
from tests.loop import run_coroutine_test
from tests.redis import RedisServer


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine function."""
    return run_coroutine_test(pyfuncitem)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that all tests of this folder share, gone after the last."""
    with one_stack(tmp_path_factory.mktemp("stack")) as mine:
        yield mine


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoneServer]:
    """A server on TCP that wants a token, with a Redis and no workers."""
    redis = RedisServer(tmp_path_factory.mktemp("lone"))
    redis.start()
    server = LoneServer(redis.url)
    server.start()
    yield server
    server.stop()
    redis.kill()


@pytest.fixture
def consul(tmp_path: Path) -> Iterator[ConsulAgent]:
    """A Consul that knows nothing yet; the test is skipped where there is no binary."""
    agent = ConsulAgent(tmp_path)
    agent.start()
    yield agent
    agent.kill()
