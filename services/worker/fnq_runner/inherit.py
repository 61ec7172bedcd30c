"""Let threads know on whose behalf they work.

A thread starts with an empty context, so that a call made in it would have no
parent: it would lend nobody's slot, and a function that maps itself over a thread
pool would wait for itself. So a thread takes over the invocation of the code that
starts it, and a pool's thread that of the code that submits to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from chalkcompute.context import CallContext, current
from fnq_runner.invocation import CURRENT, Invocation

__all__ = ["install"]


def install() -> None:
    """Have threads and thread pools of this process take over the invocation."""
    start = threading.Thread.start
    submit: Callable[..., Any] = ThreadPoolExecutor.submit

    def start_on_behalf(thread: threading.Thread) -> None:
        invocation = CURRENT.get()
        if invocation is not None:
            run = partial(_on_behalf, invocation, current.get(), thread.run)
            vars(thread)["run"] = run
        start(thread)

    def submit_on_behalf(
        pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        invocation = CURRENT.get()
        if invocation is not None:
            function = partial(_on_behalf, invocation, current.get(), function)
        return submit(pool, function, *args, **kwargs)

    _replace(threading.Thread, "start", start_on_behalf)
    _replace(ThreadPoolExecutor, "submit", submit_on_behalf)


def _on_behalf(
    invocation: Invocation,
    context: CallContext | None,
    function: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> Any:
    """Call `function` as the invocation would."""
    call, shown = CURRENT.set(invocation), current.set(context)
    try:
        return function(*args, **kwargs)
    finally:
        CURRENT.reset(call)
        current.reset(shown)


def _replace(owner: type, name: str, function: Callable[..., Any]) -> None:
    function.__doc__ = getattr(owner, name).__doc__
    setattr(owner, name, function)
