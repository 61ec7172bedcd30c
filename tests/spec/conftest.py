"""One stack for all programs of the specification's forms.

With FNQ_ADDR in pytest's environment the programs run on that cluster: each file in a
namespace of its own, whose jobs end with it. Functions then reach the machine of their
script at 127.0.0.1, so the cluster is one node, and the same machine.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import Stack, one_stack

FOLDER = Path(__file__).parent
#: Seconds that a program may take where Nomad places each function first, and its test.
_PATIENCE_S, _TIMEOUT_S = 150, 200

_APART = pytest.mark.skip(reason="a cluster of containers lacks what this machine has")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a cluster the time that it takes."""
    if ClusterStack.named():
        for item in (each for each in items if each.path.is_relative_to(FOLDER)):
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))
            if ClusterStack.apart() and item.get_closest_marker("machine"):
                item.add_marker(_APART)


def scope(fixture_name: str, config: pytest.Config) -> Literal["module", "session"]:
    """Return how long a stack lasts: an embedded one until the end, as it ends with its user."""
    return "module" if ClusterStack.named() else "session"


@pytest.fixture(scope=scope)
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that all tests of this folder or file share, gone after the last."""
    home = tmp_path_factory.mktemp("stack")
    if not ClusterStack.named():
        with one_stack(home) as mine:
            yield mine
        return
    cluster = ClusterStack(home, f"spec-{uuid.uuid4().hex[:8]}", _PATIENCE_S)
    yield cluster
    cluster.down()
