"""Clusters of the tests' own. Without Consul and Nomad on the path every test is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.cluster import Cluster
from tests import agents


@pytest.fixture(scope="session")
def plain() -> Iterator[Cluster]:
    """A cluster of plain processes, with two servers and two consumers."""
    if agents.lacking():
        pytest.skip(f"not on the path: {agents.lacking()}")
    with agents.cluster(servers=2, consumers=2) as made:
        made.up()
        yield made
