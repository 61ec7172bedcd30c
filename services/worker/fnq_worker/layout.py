"""How the concurrency of a function is laid out: over runners, and slots in each. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fnq.v1 import spec_pb2
from fnq_wire.option import CONCURRENCY, PROCESSES

__all__ = ["Layout", "layout_of"]


class Layout(NamedTuple):
    """The runners that an agent keeps, and the invocations at once in each."""

    runners: int
    slots: int


def layout_of(spec: spec_pb2.FunctionSpec) -> Layout:
    """Return one runner with all slots, or one for each where the function asks for processes."""
    concurrency = max(1, spec.concurrency)
    if spec.options.get(CONCURRENCY) == PROCESSES:
        return Layout(concurrency, 1)
    return Layout(1, concurrency)
