"""How a call in flight stands, and the one thing that holds it now. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fnq_core.inventory import MOST_AHEAD
from fnq_server.readiness import Readiness

__all__ = ["Facts", "no_worker", "state", "why"]


class Facts(NamedTuple):
    """What is known of a call in flight.

    `held`: a consumer has read it. `running_s`: seconds since its code began, None where
    it does not run. `due_s`: seconds until its next attempt, where one failed. `ahead`:
    calls that wait before it. `busy`: what its version's workers run, of `workers`.
    `slots` is how many invocations run at once in one, and `most` how many workers may be.
    `buffer_s`: seconds that a batch may be gathered for, of which `waited_s` have passed.
    `limit`: the rate limit that it waits for, with what it allows. `deaths`: how often the
    worker that ran it was lost; `crash`: why that happens again and again, where it does.
    """

    held: bool
    readiness: Readiness
    attempt: int = 0
    running_s: float | None = None
    replica: int = 0
    due_s: float | None = None
    ahead: int = 0
    workers: int = 0
    busy: int = 0
    slots: int = 1
    most: int = 1
    buffer_s: float = 0.0
    waited_s: float = 0.0
    limit: str = ""
    deaths: int = 0
    crash: str = ""


def state(held: bool, running: bool, due_s: float | None) -> str:
    """Return "queued", "running" or "retrying"."""
    if held and running:
        return "running"
    return "retrying" if due_s is not None else "queued"


def why(facts: Facts) -> str:
    """Return one sentence: what holds the call now, and what has held it up again and again."""
    now = _now(facts)
    if not facts.deaths or (facts.running_s is None and facts.readiness.state != "ready"):
        return now
    times = "once" if facts.deaths == 1 else f"{facts.deaths} times"
    crash = f": {facts.crash}" if facts.crash else ""
    return f"its worker was lost {times}{crash}; now {now}"


def _now(facts: Facts) -> str:
    if facts.running_s is not None:
        attempt = f", attempt {facts.attempt + 1}" if facts.attempt else ""
        return f"it runs on worker {facts.replica} since {facts.running_s:.1f} s{attempt}"
    if facts.due_s is not None and facts.due_s > 0:
        return f"it waits {facts.due_s:.1f} s for attempt {facts.attempt + 1}: the last one failed"
    if facts.limit:
        return f"it waits for a permit of the rate limit {facts.limit}"
    if lacking := no_worker(facts):
        return f"no worker takes calls: {lacking}"
    if not facts.held:
        return _position(facts)
    if facts.buffer_s > facts.waited_s:
        left_s = facts.buffer_s - facts.waited_s
        return f"its batch is gathered, for {left_s:.1f} s more at most"
    if facts.buffer_s:
        return f"its batch waits for a worker: {_busy(facts)}"
    return f"it is on its way to a worker: {_busy(facts)}"


def no_worker(facts: Facts) -> str:
    """Return why no worker takes the call; empty where it runs, or waits for something else."""
    waits = (facts.due_s is not None and facts.due_s > 0) or facts.limit
    if facts.running_s is not None or waits or facts.readiness.state == "ready":
        return ""
    return facts.readiness.reason or "nobody knows why"


def _position(facts: Facts) -> str:
    count = f"{facts.ahead} or more" if facts.ahead >= MOST_AHEAD else str(facts.ahead)
    noun = "call waits" if facts.ahead == 1 else "calls wait"
    return f"{count} {noun} before it: {_busy(facts)}"


def _busy(facts: Facts) -> str:
    workers = "worker runs" if facts.workers == 1 else "workers run"
    calls = "call" if facts.busy == 1 else "calls"
    now = f"{facts.workers} {workers} {facts.busy} {calls} now"
    if facts.workers >= facts.most and facts.busy >= facts.workers * facts.slots:
        return f"{now}, as many as max_replicas={facts.most} and concurrency={facts.slots} allow"
    return now
