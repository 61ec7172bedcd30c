"""Who is there: the processes of a stack as `fnq status` shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from fnq_local import proc
from fnq_local.child import Child, Facts

__all__ = ["entry", "runners"]


def entry(facts: Facts, pid: int, state: str, reason: str = "", log: str = "") -> dict[str, Any]:
    """Return one process in the form of `status`; `busy` is not known here."""
    return {
        "role": facts.role,
        "pid": pid or None,
        "address": facts.address,
        "namespace": facts.namespace,
        "function": facts.function,
        "version": facts.version,
        "replica": facts.replica if facts.role in ("worker", "runner") else None,
        "busy": None,
        "state": state,
        "reason": reason,
        "log": log,
    }


def runners(zygote: int, agents: Iterable[Child]) -> list[dict[str, Any]]:
    """Return the runners: children of the clean parent, or of an agent that made its own.

    A runner may say in its command line whose it is: "fnq-runner FUNCTION VERSION REPLICA".
    """
    found = []
    for agent in agents:
        if agent.pid:
            mine = replace(agent.facts, role="runner")
            found += [entry(mine, pid, "running") for pid in proc.children(agent.pid)]
    if zygote:
        found += [entry(_facts(pid), pid, "running") for pid in proc.children(zygote)]
    return found


def _facts(pid: int) -> Facts:
    words = proc.title(pid).split()
    if len(words) == 4 and words[0] == "fnq-runner" and words[3].isdecimal():
        return Facts("runner", function=words[1], version=words[2], replica=int(words[3]))
    return Facts("runner")
