"""The cargo of a frame: batches of columns, cut into entries, and the results beside them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from chalkcompute.cargo import Landed, Load
from chalkcompute.errors import (
    AuthError,
    CallCancelledError,
    ConnectionLostError,
    DeployError,
    ExpressionError,
    NestingTooDeepError,
    NotAcceptedError,
    NotFoundError,
    ProtocolError,
    QueueFullError,
    RemoteError,
    UnschedulableError,
)
from chalkcompute.frame.columns import Columns
from chalkcompute.frame.plan import OnError
from chalkcompute.frame.results import Results
from chalkcompute.frame.rowbuffer import RowBuffer
from fnq_wire import outcomes

if TYPE_CHECKING:
    from chalkcompute.frame.columns import Source
    from chalkcompute.inflight import Target
    from chalkcompute.reply import Reply
    from fnq_wire.arrow import Codec
    from fnq_wire.failure import Envelope

__all__ = ["Freight", "Strip"]

#: Of the codec: which parameters are passed, and the columns that each is made of.
Binding: TypeAlias = Callable[["Codec"], tuple[tuple[int, ...], Sequence["Source"]]]

#: Bytes of arguments, or results, of one entry of several rows.
_ENTRY_BYTES = 4 << 20
#: Rows of one: between two entries a worker rests for some milliseconds.
_ENTRY_ROWS = 1 << 18
#: By how much entries grow, and how many are in flight while they are short: there are many
#: rows, and each step takes a way there and back.
_GROWTH, _SHORT_ENTRIES = 256, 4
#: Bytes of entries that were not read, arguments and results and what lies beside them.
_WINDOW_BYTES = 64 << 20
#: What concerns all rows: it is never the outcome of one. What a function raises is not it.
_OF_ALL = (
    AuthError,
    CallCancelledError,
    ConnectionLostError,
    DeployError,
    NestingTooDeepError,
    NotAcceptedError,
    NotFoundError,
    ProtocolError,
    QueueFullError,
    UnschedulableError,
)
#: Characters of a row's arguments in the note of its failure.
_SHOWN = 200


@dataclass(slots=True)
class Strip(Landed):
    """Outcomes of consecutive rows: `values` is an array, null where a row failed.

    `errors` says of each why it failed, None where it did not; None where nobody keeps that.
    """

    errors: list[str | None] | None = None

    def until(self, row: int) -> Strip:
        """Return the first outcomes, none of which is a failure that is raised."""
        return Strip(self.values[:row], errors=self.errors and self.errors[:row])


class Freight:
    """Carry the rows of batches to a function, and its results back; see `Cargo`.

    `bind` finds the columns of each parameter. `on_error` says what a row that fails has:
    its exception raised, a null, or a null and a text.
    """

    entry_bytes = _ENTRY_BYTES
    window_bytes = _WINDOW_BYTES
    entry_rows = _ENTRY_ROWS
    growth = _GROWTH
    short_entries = _SHORT_ENTRIES
    narrow = True

    def __init__(
        self,
        batches: Iterator[pa.RecordBatch],
        bind: Binding,
        result: Callable[[Target, Codec], pa.DataType | None],
        on_error: OnError,
    ) -> None:
        self.rows = RowBuffer(batches, time.monotonic)
        self._bind = bind
        self._result = result
        self._on_error = on_error
        self._again: deque[int] = deque()
        #: Rows that are tried together, near those that cannot travel.
        self._tried = _ENTRY_ROWS
        self._function = ""
        self._codec: Codec
        self._bound: tuple[tuple[int, ...], Sequence[Source]]
        self._columns: Columns | None = None
        self.results: Results

    @property
    def problem(self) -> Exception | None:
        """What the input raised, where it did."""
        return self.rows.problem

    @property
    def repeats(self) -> bool:
        """Whether the next entry is one of those that are sent again."""
        return bool(self._again)

    def open(self, target: Target, codec: Codec, *, plain: bool) -> None:
        """Take note of what is called. Raises TypeError where its parameters are others.

        What is `plain` has the same payload, of one row.
        """
        self._function, self._codec = target.name, codec
        self._bound = self._bind(codec)
        self.results = Results(target.name, self._result(target, codec))

    def next(self, most: int) -> Load | None:
        """Return the next entry, of `most` rows at most; None when the input has ended.

        Raises ExpressionError where a column cannot be the parameter that it is passed for.
        """
        if self._again:
            number = self._again.popleft()
            return self._load(number, [self.rows.row(number)])
        first = self.rows.taken
        pieces = self.rows.take(min(most, self._tried), self._columns_of, self.entry_bytes)
        while True:
            count = sum(map(len, pieces))
            if not count:
                return None
            try:
                load = self._load(first, pieces)
            except Exception as problem:  # noqa: BLE001 - values are the user's own
                if count == 1:
                    return Load(first, 1, error=problem)
                # Who tried all that are behind it again would do so for each one that is bad.
                self._tried = count // 2
                self.rows.put_back(count - self._tried)
                pieces = _cut(pieces, self._tried)
            else:
                self._tried = min(2 * self._tried, self.entry_rows)
                return load

    def again(self, first: int, count: int, spare: bytes) -> None:
        """Have rows sent once more, each alone: they are held until their outcomes are read."""
        self._again.extend(range(first, first + count))

    def read_block(self, reply: Reply, block: bytes | memoryview, first: int, row: int) -> Strip:
        """Return the outcomes in a block, from row `row` of its entry on.

        Raises ExpressionError where results do not have the type that others have.
        """
        try:
            found = outcomes.unpack(block)
        except ValueError as problem:
            raise reply.codec.unreadable("the results", problem) from problem
        count = found.count
        values = self._read(reply, found.values) if found.values else self.results.nulls(0)
        if len(values) + len(found.failures) != count or found.first > row:
            wrong = ValueError(f"{len(values)} values for {count} rows from {found.first} on")
            raise reply.codec.unreadable("the results", wrong)
        skip = row - found.first
        if found.failures:
            values = _spread(values, found.failures, count)
        failures = {at - skip: it for at, it in found.failures.items() if at >= skip}
        strip = self._strip(reply, values[skip:], failures, first + row)
        strip.ran_s = found.ran_us / 1e6
        return strip

    def read_value(self, reply: Reply, payload: bytes | memoryview, first: int) -> Strip:
        """Return the outcome of an entry that was no packed call."""
        return self._strip(reply, self._read(reply, payload), {}, first)

    def failed(self, problems: Sequence[Exception], first: int) -> Strip:
        """Return the outcomes of rows that failed, `first` being the number of the first."""
        values = self.results.nulls(len(problems))
        bad = [isinstance(each, _OF_ALL) for each in problems]
        if not problems or not (any(bad) or self._on_error == "raise"):
            kept = self._on_error == "keep"
            return Strip(values, errors=[_told(each) for each in problems] if kept else None)
        at = bad.index(True) if self._on_error != "raise" else 0
        return Strip(values, {at: self._about(problems[at], first + at)}, errors=None)

    def close(self) -> None:
        """Let go of the input, as if it had ended."""
        self.rows.close()

    def _columns_of(self, batch: pa.RecordBatch) -> Sequence[str]:
        """Return the names of the columns that hold arguments."""
        if self._columns is None:
            self._columns = Columns(self._codec, *self._bound, batch.schema)
        return self._columns.used

    def _load(self, first: int, pieces: Sequence[pa.RecordBatch]) -> Load:
        assert self._columns is not None
        held = sum(piece.nbytes for piece in pieces)
        return Load(first, sum(map(len, pieces)), self._columns.encode(pieces), held=held)

    def _read(self, reply: Reply, payload: bytes | memoryview) -> Any:
        try:
            return self.results.read(payload)
        except ExpressionError:
            raise
        except Exception as problem:  # A corrupt payload fails wherever it is put together.
            raise reply.codec.unreadable("the results", problem) from problem

    def _strip(self, reply: Reply, values: Any, failures: dict[int, Envelope], first: int) -> Strip:
        if self._on_error != "raise":
            errors: list[str | None] | None = None
            if self._on_error == "keep":
                errors = [None] * len(values)
                for at, envelope in failures.items():
                    errors[at] = _told(reply.revive(envelope, 0))
            return Strip(values, errors=errors)
        if not failures:
            return Strip(values)
        at = min(failures)
        return Strip(values, {at: self._about(reply.revive(failures[at], 0), first + at)})

    def _about(self, problem: Exception, row: int) -> Exception:
        """Return an exception that says which row it is about, and what was passed."""
        value = self._columns.values(self.rows.row(row)) if self._columns is not None else {}
        shown = ", ".join(f"{name}={each!r}" for name, each in value.items())
        if len(shown) > _SHOWN:
            shown = shown[:_SHOWN] + "..."
        problem.row, problem.value = row, value  # type: ignore[attr-defined]  # some are not ours
        problem.add_note(f"in row {row} of the calls of {self._function!r}, from 0: {shown}")
        return problem


def _cut(pieces: Sequence[pa.RecordBatch], rows: int) -> list[pa.RecordBatch]:
    """Return the first rows."""
    found: list[pa.RecordBatch] = []
    for piece in pieces:
        if rows > 0:
            found.append(piece[:rows])
            rows -= len(piece)
    return found


def _spread(values: Any, failures: Any, count: int) -> Any:
    """Return values with a null at the place of each failure."""
    rest = iter(range(len(values)))
    return values.take(
        pa.array([None if at in failures else next(rest) for at in range(count)], pa.int64())
    )


def _told(problem: Exception) -> str:
    """Return an exception as Python prints it."""
    text = str(problem)
    return text if isinstance(problem, RemoteError) else f"{type(problem).__name__}: {text}"
