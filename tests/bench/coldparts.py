"""Where the time of a cold call on Nomad goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

__all__ = ["PARTS", "moments", "parts"]

#: The parts of a call, in their order, each with the moment at which it ends.
PARTS: Mapping[str, str] = {
    "asking: the call reaches a server, which has Nomad scale the job": "evaluated",
    "evaluation: Nomad finds a node": "placed",
    "setup: the node hears of it and prepares the task": "driver",
    "start: the driver starts the process": "agent",
    "dial: agent and zygote load; that one asks Consul and Redis, this one forks": "runner",
    "import: the runner imports the function; the consumer dispatches": "run",
    "answer: the result reaches the caller": "ended",
}
_NS = 1e9


def moments(
    told: Mapping[str, float],
    evaluations: Sequence[Mapping[str, Any]],
    allocation: Mapping[str, Any],
) -> dict[str, float]:
    """Return when each part ended, in seconds of the wall clock; "begun" is the first.

    `told` is what the script said; Nomad says the rest.
    """
    [evaluation] = [each for each in evaluations if each["ID"] == allocation["EvalID"]]
    events = allocation["TaskStates"]["worker"]["Events"]
    # The last thing before the driver: Docker says that it has the image, others nothing.
    setup = max(each["Time"] for each in events if each["Type"] != "Started") / _NS
    return {
        **told,
        "evaluated": evaluation["CreateTime"] / _NS,
        "placed": allocation["CreateTime"] / _NS,
        "driver": setup,
    }


def parts(found: Mapping[str, float]) -> dict[str, float]:
    """Return the milliseconds of each part; together they are the whole call."""
    ends = [found["begun"], *(found[name] for name in PARTS.values())]
    return {
        name: (after - before) * 1000
        for name, (before, after) in zip(PARTS, pairwise(ends), strict=True)
    }
