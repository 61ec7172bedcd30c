"""Shows on a terminal how the rows of a frame come."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from chalkcompute import progress, runtime
from chalkcompute.frame.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

    from chalkcompute.frame.route import Route

__all__ = ["tallied"]

#: Seconds between two looks at how many workers there are.
_LOOK_S = 1.0


def tallied(
    batches: Iterator[pa.RecordBatch], route: Route
) -> Generator[pa.RecordBatch, None, None]:
    """Return the batches of a route; tell of them, and of the workers they need, meanwhile."""
    tally, over = Tally(time.monotonic()), threading.Event()
    with progress.of_rows(tally) as told:
        if told.is_drawn:
            looking = threading.Thread(
                target=_look, args=(tally, route, over), name="fnq-rows", daemon=True
            )
            looking.start()
        try:
            for batch in batches:
                tally.add(batch.num_rows, time.monotonic())
                yield batch
        finally:
            over.set()


def _look(tally: Tally, route: Route, over: threading.Event) -> None:
    """Count the rows that there will be, and the workers now and then, until `over`."""
    if over.wait(_LOOK_S):
        return
    # What fails here fails where rows are read or made too, or people see less.
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        tally.total = route.count()
    while route.functions:
        with contextlib.suppress(OSError, RuntimeError):
            known = runtime.current_session().functions
            tally.workers = sum(known.workers(each) for each in route.functions)
        if over.wait(_LOOK_S):
            return
