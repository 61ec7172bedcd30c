"""A stage that has a function called for each row of a stream of batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from chalkcompute import deployment
from chalkcompute.driver import Driver
from chalkcompute.frame.declared import type_of
from chalkcompute.frame.freight import Freight, Strip
from chalkcompute.frame.plan import OnError
from chalkcompute.frame.results import Results
from chalkcompute.function import RemoteFunction
from fnq_wire.kinds import yields

if TYPE_CHECKING:
    from chalkcompute.frame.columns import Source
    from chalkcompute.inflight import Target
    from fnq_wire.arrow import Codec

    Function = str | RemoteFunction[..., Any, Any]

__all__ = ["Errand", "OnError", "call_each", "result_type"]

#: Rows whose results are all null or empty lists, and bytes of them, that wait for one that
#: has a type.
_UNDECIDED_ROWS, _UNDECIDED_BYTES = 1 << 16, 64 << 20


@dataclass(frozen=True, slots=True)
class Errand:
    """A call for each row: `args` and `kwargs` name the columns that hold the arguments.

    Results are appended as `column`, of type `returns` where that is given, otherwise as
    `result_type` says. A row that fails raises its exception with `on_error` "raise"; it is
    null with "null" and "keep", and with "keep" `error_column`, which is appended too, has
    why, as in "ZeroDivisionError: division by zero"; it is null where nothing failed.
    """

    function: Function
    args: tuple[str, ...]
    kwargs: Mapping[str, str] = field(default_factory=dict)
    column: str = "result"
    on_error: OnError = "raise"
    error_column: str = ""
    returns: pa.DataType | None = None


def call_each(batches: Iterator[pa.RecordBatch], errand: Errand) -> Iterator[pa.RecordBatch]:
    """Yield the rows of all batches, in order, with what the function made of each.

    It is lazy, and holds a bounded number of bytes; batches may be cut elsewhere than those
    that came. Closing it cancels what is in flight. Where the function declares no type its
    first results decide. A failure has the row's number from 0 as `row`, and its arguments
    by parameter as `value`.

    Raises TypeError where arguments do not fit the function's parameters, ExpressionError
    where a column does not, or where results do not have one type, and what calls raise.
    """
    handle = _handle(errand.function)
    way = handle._way()  # noqa: SLF001 - a part of the SDK, as the handle is
    way.check_keyless()

    def bind(codec: Codec) -> tuple[tuple[int, ...], Sequence[Source]]:
        return _bound(handle, codec, errand)

    def kind(target: Target, codec: Codec) -> pa.DataType | None:
        return errand.returns or _declared(target.kind, codec.returns)

    freight = Freight(batches, bind, kind, errand.on_error)
    driver = Driver(way, freight, ordered=True, keep=False)
    try:
        yield from _beside(freight, _strips(driver), errand)
    finally:
        driver.close()


def result_type(function: Function) -> pa.DataType | None:
    """Return the type that a function declares for its results; None where it declares none.

    A generator function has lists of what it yields. What is not deployed here is looked
    up: NotFoundError where it is not there.
    """
    handle = _handle(function)
    codec = handle.codec
    return _declared(handle.kind, codec.returns)


def _handle(function: Function) -> RemoteFunction[..., Any, Any]:
    """Return the handle of a function; a name that is decorated in this process means that."""
    if not isinstance(function, str):
        return function
    known = deployment.current().functions().get(function)
    return known if known is not None else RemoteFunction.from_name(function)


def _declared(kind: str, returns: str) -> pa.DataType | None:
    found = type_of(returns)
    return pa.list_(found) if found is not None and yields(kind) else found


def _bound(
    handle: RemoteFunction[..., Any, Any], codec: Codec, errand: Errand
) -> tuple[tuple[int, ...], Sequence[Source]]:
    """Return which parameters are passed, and the columns of each; raises TypeError."""
    items = handle.items
    if items is None or items.table is None:
        return codec.signature.bind(errand.args, errand.kwargs)
    if len(errand.args) + bool(errand.kwargs) != 1:
        raise TypeError(
            f"{handle.name}() takes rows of a table: expected its columns by name, or one by "
            f"position; {len(errand.args)} by position and {len(errand.kwargs)} by name were given"
        )
    return (0,), (errand.args or (errand.kwargs,))


def _strips(driver: Driver) -> Iterator[Strip]:
    while True:
        strip = driver.poll()
        if strip is None:
            driver.park()
        elif isinstance(strip, Strip):
            yield strip
        else:
            return


def _beside(freight: Freight, strips: Iterator[Strip], errand: Errand) -> Iterator[pa.RecordBatch]:
    """Yield results beside the rows that they are of, once their type is known."""
    waiting: list[tuple[Strip, list[pa.RecordBatch]]] = []
    count = size = 0
    for strip in strips:
        pieces = freight.rows.deliver(len(strip.values))
        waiting.append((strip, pieces))
        count, size = count + len(strip.values), size + sum(piece.nbytes for piece in pieces)
        undecided = count < _UNDECIDED_ROWS and size < _UNDECIDED_BYTES
        if freight.results.kind is None and undecided:
            continue
        yield from _appended(freight.results, waiting, errand)
        waiting.clear()
    yield from _appended(freight.results, waiting, errand)
    if not count and freight.rows.schema is not None:
        empty = pa.RecordBatch.from_pylist([], freight.rows.schema)
        yield _with(empty, freight.results.nulls(0), [], errand)


def _appended(
    results: Results, waiting: Sequence[tuple[Strip, list[pa.RecordBatch]]], errand: Errand
) -> Iterator[pa.RecordBatch]:
    """Yield pieces of rows with their results; what has no type by now is of null."""
    for strip, pieces in waiting:
        values = results.decided(strip.values)
        at = 0
        for piece in pieces:
            until = at + len(piece)
            yield _with(piece, values[at:until], (strip.errors or [])[at:until], errand)
            at = until


def _with(
    rows: pa.RecordBatch, values: Any, errors: Sequence[str | None], errand: Errand
) -> pa.RecordBatch:
    found = rows.append_column(errand.column, values)
    if errand.on_error == "keep":
        found = found.append_column(errand.error_column, pa.array(errors, pa.string()))
    return found
