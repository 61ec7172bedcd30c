"""A plan at work: batches from its source, through calls and what is made between them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator

import pyarrow as pa

from chalkcompute.frame.datatype import named
from chalkcompute.frame.extraction import Call
from chalkcompute.frame.making import Making
from chalkcompute.frame.node import Column
from chalkcompute.frame.plan import Limit
from chalkcompute.frame.route import Leg, Route
from chalkcompute.frame.showing import tallied

__all__ = ["batches"]


def batches(route: Route) -> Generator[pa.RecordBatch, None, None]:
    """Return the rows that come out, in order, in batches that have some.

    Nothing is read, and nothing called, before the first is asked for; closing it ends
    whatever goes on.
    """
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(contextlib.closing(_scanned(route)))
        for leg in route.legs:
            stream = stack.enter_context(contextlib.closing(_through(leg, stream)))
        for batch in stack.enter_context(contextlib.closing(tallied(stream, route))):
            if batch.num_rows:
                yield batch


def _scanned(route: Route) -> Generator[pa.RecordBatch, None, None]:
    yield from route.source.batches(route.scan)


def _through(leg: Leg, stream: Iterator[pa.RecordBatch]) -> Generator[pa.RecordBatch, None, None]:
    """Return what one leg of a route makes of a stream."""
    if isinstance(leg, Making):
        yield from map(leg.of, stream)
    elif isinstance(leg, Limit):
        yield from _first(stream, leg.rows)
    else:
        yield from _called(leg, stream)


def _called(call: Call, stream: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Return a stream with what a call appends."""
    # What reaches servers is loaded by frames that need one.
    from chalkcompute.frame.calling import Errand, call_each

    names = [each.name for each in call.node.of if isinstance(each, Column)]
    by_position = len(call.node.args)
    errand = Errand(
        function=call.node.function,
        args=tuple(names[:by_position]),
        kwargs=dict(zip(call.node.kwargs, names[by_position:], strict=True)),
        column=call.column,
        on_error=call.on_error,
        error_column=call.error_column,
        returns=named(call.returns) if call.returns else None,
    )
    return call_each(stream, errand)


def _first(stream: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Return the first rows, and ask for no more than hold them."""
    left = rows
    while left:
        batch = next(stream, None)
        if batch is None:
            return
        first = min(left, batch.num_rows)
        yield batch.slice(0, first)
        left -= first
