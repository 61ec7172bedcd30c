"""What is made of what the script and Nomad say about a cold call."""

from __future__ import annotations

import pytest

from tests.bench.coldparts import PARTS, moments, parts

_TOLD = {"begun": 10.0, "agent": 10.5, "runner": 11.0, "run": 11.25, "ended": 11.5}
_EVALUATIONS = [{"ID": "e0", "CreateTime": 5e9}, {"ID": "e1", "CreateTime": 10.125e9}]
_EVENTS = [
    {"Type": "Received", "Time": 10.26e9},
    {"Type": "Driver", "Time": 10.375e9},
    {"Type": "Started", "Time": 10.6e9},
]
_ALLOCATION = {
    "EvalID": "e1",
    "CreateTime": 10.25e9,
    "TaskStates": {"worker": {"Events": _EVENTS}},
}


def test_the_parts_of_a_cold_call_are_the_whole_of_it() -> None:
    """Each begins where the one before ends; the driver says that it started when that is past."""
    found = parts(moments(_TOLD, _EVALUATIONS, _ALLOCATION))
    assert list(found) == list(PARTS)
    assert list(found.values()) == [125, 125, 125, 125, 500, 250, 250]
    assert sum(found.values()) == pytest.approx(1500)
