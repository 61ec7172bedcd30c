"""Clusters of the tests' own. Without Consul and Nomad on the path every test is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.cluster import Cluster
from tests import agents
from tests.cluster import images
from tests.gpus import CardedCluster
from tests.integration.containers import engine


@pytest.fixture(scope="session")
def plain() -> Iterator[Cluster]:
    """A cluster of plain processes, with two servers and three consumers."""
    _require()
    with agents.cluster(CardedCluster, servers=2, consumers=3) as made:
        made.up()
        yield made


@pytest.fixture(scope="session")
def contained() -> Iterator[Cluster]:
    """A cluster of containers, from images that are built here."""
    _require()
    images.build()
    with agents.cluster(
        CardedCluster,
        driver="docker",
        image=images.PREFIX,
        tag=engine.TAG,
        redis_image=images.REDIS,
    ) as made:
        made.up()
        yield made


def _require() -> None:
    if agents.lacking():
        pytest.skip(f"not on the path: {agents.lacking()}")
