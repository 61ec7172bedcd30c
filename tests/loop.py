"""Runs the tests that are coroutines."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

__all__ = ["eventually", "run_coroutine_test"]


def run_coroutine_test(item: pytest.Function) -> bool | None:
    """Run `item` if it is a coroutine function: what a pytest_pyfunc_call hook returns."""
    if not inspect.iscoroutinefunction(item.obj):
        return None
    names = inspect.signature(item.obj).parameters
    work = item.obj(**{name: item.funcargs[name] for name in names})
    # Only what this test makes is searched for errors below, not all that is imported.
    gc.freeze()
    try:
        with asyncio.Runner() as runner:
            runner.run(_guarded(work))
    finally:
        gc.unfreeze()
    return True


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """Fail when a task outlives the test, or died with an exception that nobody saw."""
    unseen: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    await work
    # gRPC ends some of its own a moment after their call.
    until = loop.time() + 2.0
    while left := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        assert loop.time() < until, f"tasks left: {left}"
        await asyncio.wait(left, timeout=0.05)
    gc.collect()
    assert not unseen, f"errors that nobody saw: {unseen}"


async def eventually(true: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Return as soon as `true()` is; AssertionError after `timeout_s`."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while not true():
        assert loop.time() < until, f"not within {timeout_s} s: {inspect.getsource(true).strip()}"
        await asyncio.sleep(0.002)
