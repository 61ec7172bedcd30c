"""Many rows of arguments, or many results, in one payload.

It is a payload as `fnq_wire.arrow` describes it, with one batch of many rows. A column
has an Arrow type where every value in it is exactly of it: the type of the annotation, or
that of all values where there is none. It is tagged otherwise, so that each row keeps its
shape. Where some rows pass arguments that others leave out, one more column (PRESENT)
says which a row passes.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice, repeat
from typing import TYPE_CHECKING, Any, TypeAlias

from fnq_wire import outcomes
from fnq_wire.column.anything import Anything, Written
from fnq_wire.column.kind import Unfit
from fnq_wire.column.layout import Layout
from fnq_wire.column.leaf import LEAVES
from fnq_wire.column.text import Text
from fnq_wire.failure import Envelope
from fnq_wire.refusal import Refusal
from fnq_wire.tagged import encode_parts

if TYPE_CHECKING:
    from fnq_wire.arrow import Codec
    from fnq_wire.column.growing import GrowingText

__all__ = ["ATOMS", "Block", "Row", "Rows"]

#: Positional and keyword arguments of one row.
Row: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]

#: Column of bytes, one for each column before it: 1 where the row passes that argument.
PRESENT = "fnq.present"

#: Types whose values never change and can always travel.
ATOMS = frozenset(
    {type(None), bool, int, float, str, bytes, datetime.date, datetime.timedelta}
    | {decimal.Decimal, uuid.UUID}
)
_NO_KEYWORDS: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Block:
    """Hold the outcomes of consecutive rows.

    `values` has an item for each row, None where it failed; `failures` has the envelopes
    of those, by their index. The rows of the whole block ran for `ran_us` microseconds.
    """

    values: list[Any]
    failures: dict[int, Envelope]
    ran_us: int


class Rows:
    """Encode and decode rows of arguments, and the results of rows; safe for any thread."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def encode_arguments(self, rows: Sequence[Row]) -> bytes:
        """Return the payload of the rows, in order.

        Raises what `Codec.encode_arguments` raises for the first row that cannot travel.
        """
        try:
            counts = {-1 if kwargs else len(args) for args, kwargs in rows}
            present = self._codec.signature.positional(max(counts, default=0))
            if len(counts) == 1 and present is not None:
                return self._encode(
                    present, list(zip(*[row[0] for row in rows], strict=True)), len(rows)
                )
            return self._encode_bound(rows)
        except (Refusal, TypeError):
            for args, kwargs in rows:
                self._codec.encode_arguments(args, kwargs)
            raise

    def encode_columns(self, columns: Sequence[Sequence[Any]]) -> bytes:
        """Return the payload of rows that pass these columns by position, and nothing else.

        Columns have one length, and there is at least one. It is the fast way. Raises
        what `encode_arguments` raises.
        """
        present = self._codec.signature.positional(len(columns))
        try:
            if present is not None:
                return self._encode(present, columns, len(columns[0]))
        except (Refusal, TypeError):
            pass  # Said below, as for one row.
        return self.encode_arguments([(row, _NO_KEYWORDS) for row in zip(*columns, strict=True)])

    def decode_arguments(
        self, payload: bytes | memoryview, start: int = 0, length: int | None = None
    ) -> Iterator[Row]:
        """Return `length` rows from row `start` on, or all that are left.

        Rows may share one empty dict of keywords, which nobody changes. Raises
        SerializationError.
        """
        try:
            layout, count, columns = self._open(payload)
            stop = count if length is None else min(count, start + length)
            columns = [column[start:stop] for column in columns]
            return self._rows(layout.names, columns, max(0, stop - start))
        except Exception as problem:  # A corrupt payload fails wherever it is put together.
            raise self._codec.unreadable("the arguments", problem) from problem

    def stream_arguments(
        self, payload: bytes | memoryview, start: int = 0
    ) -> list[Iterator[Any]] | None:
        """Return the columns of all rows from row `start` on, one for each argument by position.

        None where rows pass others, or none. Raises SerializationError.
        """
        view = memoryview(payload)
        try:
            layout, at = self._codec.layout(view)
            if not layout.names or not self._codec.signature.in_order(layout.names):
                return None
            _, columns = layout.stream_columns(view, at)
            return [islice(column, start, None) for column in columns] if start else columns
        except Exception as problem:  # A corrupt payload fails wherever it is put together.
            raise self._codec.unreadable("the arguments", problem) from problem

    def encode_results(self, values: Sequence[Any]) -> bytes:
        """Return the payload of results, in order; raises SerializationError."""
        layout = _fitting(self._codec.result, [values])
        try:
            return layout.encode_columns([values], len(values))
        except Unfit:
            layout = layout.untyped(0, self._codec.classes)
        except Refusal as refusal:
            raise self._codec.unsendable("result", refusal) from refusal.__cause__
        try:
            return layout.encode_columns([values], len(values))
        except Refusal as refusal:
            raise self._codec.unsendable("result", refusal) from refusal.__cause__

    def growing(self) -> GrowingText | None:
        """Return a column of results that is made some at a time; None where that is no gain."""
        kind = self._codec.result.kinds[0]
        if not isinstance(kind, Text):
            return None
        from fnq_wire.column.growing import GrowingText

        return GrowingText(nullable=kind.nullable)

    def decode_results(self, payload: bytes | memoryview) -> list[Any]:
        """Return the results in a payload, in order; raises SerializationError."""
        try:
            layout, _, columns = self._open(payload)
            if layout.names != ("result",):
                raise ValueError(f"columns {layout.names}, expected one result")
            return columns[0]
        except Exception as problem:  # A corrupt payload fails wherever it is put together.
            raise self._codec.unreadable("the results", problem) from problem

    def keep(self, value: Any) -> Any:
        """Return what stands for a result as it is now, until `encode_results` takes it.

        What user code may change later is written down at once. Raises
        SerializationError when the value cannot travel; `encode_results` does not raise
        for what this returned.
        """
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is list and set(map(type, value)) <= ATOMS:
            return value.copy()
        if kind is datetime.datetime and value.tzinfo is None:
            return value
        try:
            return Written(b"".join(encode_parts(value, self._codec.classes)))
        except Refusal as refusal:
            raise self._codec.unsendable("result", refusal) from refusal.__cause__

    def read_block(self, block: bytes | memoryview, row: int = 0) -> Block:
        """Return the outcomes in a block, from row `row` of its call on.

        What lies below it was in a block before. Raises SerializationError.
        """
        try:
            found = outcomes.unpack(block)
        except ValueError as problem:
            raise self._codec.unreadable("the results", problem) from problem
        values = self.decode_results(found.values) if found.values else []
        if len(values) + len(found.failures) != found.count or found.first > row:
            wrong = ValueError(f"{len(values)} values for {found.count} rows from {found.first} on")
            raise self._codec.unreadable("the results", wrong)
        if found.failures:
            rest = iter(values)
            values = [None if at in found.failures else next(rest) for at in range(found.count)]
        skip = row - found.first
        if not skip:
            return Block(values, found.failures, found.ran_us)
        failures = {index - skip: it for index, it in found.failures.items() if index >= skip}
        return Block(values[skip:], failures, found.ran_us)

    def _encode(
        self, present: tuple[int, ...], columns: Sequence[Sequence[Any]], rows: int
    ) -> bytes:
        """Return the payload of columns, one for each parameter; raises Refusal and TypeError."""
        layout, untyped = self._codec.plan(present)
        for column in untyped:
            self._check(present[column], columns[column])
        layout = _fitting(layout, columns)
        while True:
            try:
                return layout.encode_columns(columns, rows)
            except Unfit as misfit:
                self._check(present[misfit.column], columns[misfit.column])
                layout = layout.untyped(misfit.column, self._codec.classes)

    def _encode_bound(self, rows: Sequence[Row]) -> bytes:
        """Return the payload of rows of any form; raises Refusal and TypeError."""
        bound = [self._codec.signature.bind(args, kwargs) for args, kwargs in rows]
        forms = {present for present, _ in bound}
        if len(forms) == 1:
            whole = list(zip(*[values for _, values in bound], strict=True))
            return self._encode(forms.pop(), whole, len(rows))
        used = sorted(set().union(*forms))
        passed = [dict(zip(present, values, strict=True)) for present, values in bound]
        for at in used:
            self._check(at, [row[at] for row in passed if at in row])
        columns: list[Sequence[Any]] = [[row.get(at) for row in passed] for at in used]
        columns.append([bytes(at in row for at in used) for row in passed])
        layout = self._mixed(tuple(used))
        while True:
            try:
                return layout.encode_columns(columns, len(rows))
            except Unfit as misfit:
                layout = layout.untyped(misfit.column, self._codec.classes)

    def _mixed(self, used: tuple[int, ...]) -> Layout:
        """Return the layout of rows of which each passes some of the arguments."""
        kinds = [self._codec.kinds[at] for at in used]
        optional = [it if isinstance(it, Anything) else it.optional() for it in kinds]
        names = [self._codec.parameters[at].name for at in used]
        return Layout((*names, PRESENT), (*optional, LEAVES[bytes]))

    def _check(self, at: int, values: Sequence[Any]) -> None:
        for value in values:
            self._codec.check(at, value)

    def _open(self, payload: bytes | memoryview) -> tuple[Layout, int, list[list[Any]]]:
        view = memoryview(payload)
        layout, start = self._codec.layout(view)
        return layout, *layout.decode_columns(view, start)

    def _rows(self, names: tuple[str, ...], columns: list[list[Any]], count: int) -> Iterator[Row]:
        """Return the rows that columns of these names make; raises ValueError."""
        signature = self._codec.signature
        if not columns:
            return repeat(signature.unbind((), ()), count)
        if signature.in_order(names):
            return zip(zip(*columns, strict=True), repeat(_NO_KEYWORDS), strict=False)
        if names[-1] != PRESENT:
            return iter([signature.unbind(names, values) for values in zip(*columns, strict=True)])
        masks = columns.pop()
        rows = [
            signature.unbind(tuple(compress(names, mask)), list(compress(values, mask)))
            for mask, *values in zip(masks, *columns, strict=True)
        ]
        return iter(rows)


def _fitting(layout: Layout, columns: Sequence[Sequence[Any]]) -> Layout:
    """Return the layout in which columns that no annotation gives a type have their values'."""
    for at, kind in enumerate(layout.kinds):
        if isinstance(kind, Anything):
            types = set(map(type, columns[at]))
            leaf = LEAVES.get(types.pop()) if len(types) == 1 else None
            layout = layout if leaf is None else layout.other(at, leaf)
    return layout
