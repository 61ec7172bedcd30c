"""The images, built once, and fleets of containers made of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.containers import engine
from tests.integration.containers.fleet import Fleet
from tests.integration.containers.found import FoundFleet


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
    yield from _living(Fleet(images, base))


@pytest.fixture(scope="session")
def found(images: dict[str, str], base: str) -> Iterator[Fleet]:
    """The same with a Consul, through which all of them are found."""
    yield from _living(FoundFleet(images, base))


@pytest.fixture(params=["fleet", "found"])
def either(request: pytest.FixtureRequest) -> Fleet:
    """One fleet after the other."""
    mine: Fleet = request.getfixturevalue(request.param)
    return mine


def _living(fleet: Fleet) -> Iterator[Fleet]:
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.close()
