"""How many workers a version has, and how they are."""

from __future__ import annotations

import pytest

from fnq.v1 import scaling_pb2
from fnq_core.presence import Presence
from fnq_server.muster import muster
from fnq_server.orchestrator.seam import Placed


def test_an_agent_that_died_is_not_counted_beside_the_next_one() -> None:
    """Its presence lasts for some seconds."""
    presences = [
        Presence("default", "f", "a1", f"x{number}", 0, 7, state=state)
        for number, state in enumerate(("ready", "starting", "ready"))
    ]
    found = muster(presences, [Placed("default", "f", "a1", 0, "running")], None)
    assert found == scaling_pb2.Replicas(wanted=1, ready=1)


@pytest.mark.parametrize(
    ("said", "placed", "cordon", "counts"),
    [
        ([], [], None, (0, 0, 0, 0)),
        # Not heard of yet, coming up, taking calls, about to go, gone.
        ([], ["running", "starting"], None, (2, 0, 2, 0)),
        # It starts once it has a place.
        ([], ["running", "waiting"], None, (2, 0, 1, 0)),
        (["ready", "starting"], ["running", "running"], None, (2, 1, 1, 0)),
        (["ready", "cordoned"], ["running", "running"], 1, (1, 1, 0, 1)),
        (["ready", "cordoned"], ["running", "stopping"], 1, (1, 1, 0, 1)),
        # Started by hand: nothing is known of places.
        (["ready", "ready"], [], None, (2, 2, 0, 0)),
    ],
)
def test_workers_are_counted_by_what_they_say_and_where_they_are(
    said: list[str], placed: list[str], cordon: int | None, counts: tuple[int, ...]
) -> None:
    """Wanted, ready, starting, cordoned."""
    presences = [
        Presence("default", "f", "a1", f"x{index}", index, 7, state=state)
        for index, state in enumerate(said)
    ]
    places = [Placed("default", "f", "a1", index, state) for index, state in enumerate(placed)]
    found = muster(presences, places, cordon)
    names = ("wanted", "ready", "starting", "cordoned")
    assert found == scaling_pb2.Replicas(**dict(zip(names, counts, strict=True)))
