"""A function whose source a test changes: its answer is a constant of the version."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import chalkcompute
from chalkcompute import Call, RemoteFunction

ANSWER = 1
#: Seconds that a gate may stay shut.
PATIENCE_S = 30


@chalkcompute.function
def versioned(gate: str) -> int:
    """Wait until the gate is open, "" is; return a constant of this source."""
    until = time.monotonic() + PATIENCE_S
    while gate and not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.01)
    return ANSWER


def spawn(gate: str, count: str) -> None:
    """Spawn calls that wait for a gate, and say their ids."""
    versioned.wait_ready()
    print(*[versioned.spawn(gate).id for _ in range(int(count))])


def answers(*ids: str) -> None:
    """Say the different answers of calls, and how many calls there are."""
    found = chalkcompute.gather(*[Call.from_id(each) for each in ids])
    print(*sorted(set(found)), len(found))


def versions() -> None:
    """Deploy, and say number and state of each version, and what the current one answers."""
    versioned("")
    handle = RemoteFunction.from_name("versioned")
    told = [f"{each.number} {each.state}" for each in handle.versions()]
    print(*told, handle(""), sep=", ")


def back() -> None:
    """Roll back by name; the decorated handle keeps its version."""
    named = RemoteFunction.from_name("versioned")
    before = versioned(""), named("")
    first = named.versions()[-1]
    named.rollback(first)
    print(*before, versioned(""), named(""), first.number, first.created_at.tzinfo)
    try:
        versioned.rollback(9)
    except LookupError as problem:
        print(problem)


if __name__ == "__main__":
    {"spawn": spawn, "answers": answers, "versions": versions, "back": back}[sys.argv[1]](
        *sys.argv[2:]
    )
