"""The images, built once, and a fleet of containers made of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.containers import engine
from tests.integration.containers.fleet import Fleet


@pytest.fixture(scope="session")
def base() -> str:
    """The image that all others are built on; skips where there is no engine."""
    engine.require()
    engine.sweep()
    return engine.base()


@pytest.fixture(scope="session")
def images(base: str) -> dict[str, str]:
    """The images of the services, by service."""
    return engine.built(base)


@pytest.fixture(scope="session")
def fleet(images: dict[str, str], base: str) -> Iterator[Fleet]:
    """Two servers, two consumers and a Redis, gone after the last test."""
    mine = Fleet(images, base)
    try:
        mine.start()
        yield mine
    finally:
        mine.close()
