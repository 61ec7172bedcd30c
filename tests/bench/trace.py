"""What one call costs in system calls, by process, and in Redis commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis

from tests.bench.caller import Caller
from tests.bench.counter import Counter

__all__ = ["commands", "system_calls"]


def system_calls(
    caller: Caller, counter: Counter, verb: str, number: int, folder: Path
) -> dict[str, float]:
    """Return the system calls of each role for one of `number` calls."""
    pids = caller.pids()
    everyone = [pid for group in pids.values() for pid in group]
    with counter.counting(everyone, folder) as counts:
        caller.ask(verb, number)
    return {role: sum(counts[pid] for pid in group) / number for role, group in pids.items()}


def commands(caller: Caller, verb: str, number: int) -> dict[str, float]:
    """Return the Redis commands for one of `number` calls, those inside scripts too."""
    with redis.Redis.from_url(caller.redis, protocol=2) as client:
        before = _counts(client.execute_command)
        caller.ask(verb, number)
        after = _counts(client.execute_command)
    spent = {name: (count - before.get(name, 0)) / number for name, count in after.items()}
    return {name: each for name, each in spent.items() if each >= 0.005}


def _counts(ask: Callable[..., Any]) -> dict[str, int]:
    stats: dict[str, dict[str, int]] = ask("INFO", "commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()}
