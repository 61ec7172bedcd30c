"""What a user is told of a function for which no node has room."""

from __future__ import annotations

import pytest

from jobs.cluster import Cluster
from tests.cluster import script

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

#: What Nomad's own evaluation and its nodes come to.
SENTENCE = (
    "no node has enough memory: it asks for 943718400 MiB, the most that a node has is 262144 MiB "
    "(Nomad: memory exhausted on 1 node)"
)


def test_a_function_that_fits_no_node_fails_who_waits_and_who_calls(plain: Cluster) -> None:
    """In one sentence: its deploy fails, though nobody gave it a time limit."""
    waited, called = script.run(plain, "giant.py").splitlines()
    assert waited == called == f"UnschedulableError: giant was not deployed: {SENTENCE}"
