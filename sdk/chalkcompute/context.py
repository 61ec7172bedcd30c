"""The call that the running code serves."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass

from chalkcompute.errors import NestingTooDeepError
from fnq_wire.limits import MAX_DEPTH

__all__ = ["CallContext", "check_depth", "current", "get_call_context"]


@dataclass(frozen=True, slots=True)
class CallContext:
    """Facts about one call, as the code that serves it sees them.

    `attempt` counts the executions before this one. `deadline` is in seconds since 1970 on
    this machine's clock, None without one. `root_call_id` names the whole tree of
    nested calls, its trace; `depth` is the number of calls above this one.
    """

    call_id: str
    function: str
    version: str
    attempt: int
    deadline: float | None
    parent_call_id: str | None
    root_call_id: str
    depth: int

    def remaining(self) -> float | None:
        """Return the seconds left, 0.0 when the deadline has passed, None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.time())


#: Set by the runner around each invocation.
current: ContextVar[CallContext | None] = ContextVar("fnq_call", default=None)


def get_call_context() -> CallContext:
    """Return the call that this code serves; RuntimeError outside of a call."""
    context = current.get()
    if context is None:
        raise RuntimeError(
            "get_call_context() was called outside of a remote call: it is for code that a call "
            "runs in a worker (f.local(...) runs the body without a call)"
        )
    return context


def check_depth(function: str) -> None:
    """Raise NestingTooDeepError when a call of `function` from here would be too deep."""
    context = current.get()
    if context is not None and context.depth + 1 >= MAX_DEPTH:
        raise NestingTooDeepError(
            f"the call of {function!r} would be nested deeper than {MAX_DEPTH} levels "
            f"(trace {context.root_call_id}): does a function call itself without end?",
            function=function,
        )
