"""Who is there: the processes of a stack as `fnq status` shows them."""

from __future__ import annotations

from typing import Any

from fnq_local import proc
from fnq_local.child import Facts

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
        "replica": facts.replica if facts.function else None,
        "busy": None,
        "state": state,
        "reason": reason,
        "log": log,
    }


def runners(zygote: int) -> list[dict[str, Any]]:
    """Return the runners: the children of their clean parent; whose they are, agents know."""
    return [entry(Facts("runner"), pid, "running") for pid in proc.children(zygote)]
