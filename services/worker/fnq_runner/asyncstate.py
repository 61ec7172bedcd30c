"""What asyncio keeps per thread, put aside while another greenlet has the thread."""

from __future__ import annotations

import asyncio
import sys
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _enter_task, _leave_task
from types import TracebackType
from typing import Any

__all__ = ["AsideLoop"]


class AsideLoop:
    """Leave the running loop of this thread on entry, be back in it on exit.

    Code inside a loop that switches to another greenlet would otherwise leave its
    loop running in the eyes of what the other greenlet does.
    """

    __slots__ = ("_hooks", "_loop", "_task")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._hooks: Any = None

    def __enter__(self) -> None:
        loop = self._loop = _get_running_loop()
        if loop is None:
            return
        self._task = asyncio.current_task(loop)
        if self._task is not None:
            _leave_task(loop, self._task)
        self._hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(None, None)
        _set_running_loop(None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        loop = self._loop
        if loop is None:
            return
        _set_running_loop(loop)
        sys.set_asyncgen_hooks(*self._hooks)
        if self._task is not None:
            _enter_task(loop, self._task)
