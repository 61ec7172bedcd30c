"""How a version stands between its deploy and its end."""

from __future__ import annotations

import pytest

from fnq.v1 import spec_pb2
from fnq_core.backlog import Counts
from fnq_core.registry import Version
from fnq_server.lifetime import state_of


def _version(*, live: bool, failure: str = "") -> Version:
    return Version("a1", 1, spec_pb2.FunctionSpec(), 0, live=live, failure=failure)


@pytest.mark.parametrize(
    ("version", "current", "counts", "workers", "state"),
    [
        (_version(live=False), "", Counts(0, 0), 0, "preparing"),
        (_version(live=False), "a0", Counts(0, 0), 1, "preparing"),
        (_version(live=False, failure="no"), "a0", Counts(0, 0), 1, "failed"),
        (_version(live=True), "a1", Counts(0, 0), 0, "current"),
        (_version(live=True), "a2", Counts(1, 0), 0, "draining"),
        (_version(live=True), "a2", Counts(0, 1), 0, "draining"),
        (_version(live=True), "a2", Counts(0, 0), 1, "draining"),
        (_version(live=True), "a2", Counts(0, 0), 0, "retired"),
    ],
)
def test_the_state_follows_from_what_there_is(
    version: Version, current: str, counts: Counts, workers: int, state: str
) -> None:
    """Only that it was live is stored, and why it could not be."""
    assert state_of(version, current, counts, workers) == state
