"""Greenlets, typed: the one door to the package, which has no types of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol, cast

import greenlet  # type: ignore[import-untyped]

__all__ = ["Strand", "running", "strand"]


class Strand(Protocol):
    """A stack of its own in this thread, as `greenlet.greenlet` documents it."""

    #: The context that its code runs in; may be set while it does not run.
    gr_context: Context | None
    #: Who goes on when it ends.
    parent: Strand | None

    def switch(self, *args: Any) -> Any:
        """Let it run; return what is passed to the next switch to the caller."""
        ...


#: Makes a strand that will run a function; its parent is whoever runs now.
strand = cast("Callable[[Callable[..., Any]], Strand]", greenlet.greenlet)
#: Returns the strand that runs now.
running = cast("Callable[[], Strand]", greenlet.getcurrent)
