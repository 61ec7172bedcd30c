"""The cargo of a map: rows of Python values, as many to an entry as are wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalkcompute.cargo import Landed, Load
from chalkcompute.packing import GROWTH, MOST_ROWS
from chalkcompute.way import check_unary
from chalkcompute.window import SHORT_ENTRIES, WINDOW_BYTES
from fnq_wire.limits import INLINE

if TYPE_CHECKING:
    from chalkcompute.inflight import Target
    from chalkcompute.intake import Intake
    from chalkcompute.reply import Reply
    from fnq_wire.arrow import Codec
    from fnq_wire.rows import Row

__all__ = ["Loader"]


class Loader:
    """Encode what `intake` reads: each row holds arguments, or with `lone` is the one argument.

    See `Cargo`. Outcomes are lists; what failed a row is in its place.
    """

    entry_bytes = INLINE
    window_bytes = WINDOW_BYTES
    entry_rows = MOST_ROWS
    growth = GROWTH
    short_entries = SHORT_ENTRIES
    narrow = False

    def __init__(self, intake: Intake, *, lone: bool) -> None:
        self._intake = intake
        self._lone = lone
        self._packed = True
        self._again: deque[tuple[int, Row]] = deque()
        self._codec: Codec

    @property
    def problem(self) -> Exception | None:
        """What the input raised, where it did."""
        return self._intake.problem

    @property
    def repeats(self) -> bool:
        """Whether the next entry is one of those that are sent again."""
        return bool(self._again)

    def open(self, target: Target, codec: Codec, *, plain: bool) -> None:
        """Take note of what is called. Raises TypeError for a generator function."""
        check_unary(target.name, target.kind)
        self._codec, self._packed = codec, not plain

    def again(self, first: int, count: int, spare: bytes) -> None:
        """Have the last `count` rows of a payload sent once more, each alone."""
        rows = list(self._codec.rows.decode_arguments(spare))
        self._again.extend(enumerate(rows[len(rows) - count :], first))

    def next(self, most: int) -> Load | None:
        """Return the next entry, of `most` rows at most; None when the input has ended."""
        if self._again:
            number, row = self._again.popleft()
            return Load(number, 1, self._codec.rows.encode_arguments([row]))
        rows = self._intake.take(most)
        first = self._intake.read - len(rows)
        while rows:
            try:
                payload = self._encode(rows)
            except Exception as problem:  # noqa: BLE001 - arguments are the user's own objects
                bad = self._first_bad(rows)
                if bad == 0 or len(rows) == 1:
                    self._intake.put_back(rows[1:])
                    return Load(first, 1, error=problem)
                rows = self._cut(rows, len(rows) // 2 if bad is None else bad)
                continue
            if len(payload) <= self.entry_bytes or len(rows) == 1:
                return Load(first, len(rows), payload, payload if len(rows) > 1 else b"")
            rows = self._cut(rows, len(rows) * self.entry_bytes // len(payload))
        return None

    def read_block(self, reply: Reply, block: bytes | memoryview, first: int, row: int) -> Landed:
        """Return the outcomes in a block, from row `row` of its entry on."""
        found = reply.codec.rows.read_block(block, row)
        failures = {
            index: _about(reply.revive(envelope, 0), first + row + index)
            for index, envelope in sorted(found.failures.items())
        }
        for index, problem in failures.items():
            found.values[index] = problem
        return Landed(found.values, failures, found.ran_us / 1e6)

    def read_value(self, reply: Reply, payload: bytes | memoryview, first: int) -> Landed:
        """Return the outcome of an entry that was no packed call."""
        return Landed([reply.codec.decode_result(payload)])

    def failed(self, problems: Sequence[Exception], first: int) -> Landed:
        """Return the outcomes of rows that failed, `first` being the number of the first."""
        values = [_about(problem, row) for row, problem in enumerate(problems, first)]
        return Landed(values, dict(enumerate(values)))

    def close(self) -> None:
        """Let go of the input, as if it had ended."""
        self._intake.close()

    def _cut(self, rows: list[Any], count: int) -> list[Any]:
        """Return the first rows, at least one and not all; the others are taken up next."""
        count = max(1, min(count, len(rows) - 1))
        self._intake.put_back(rows[count:])
        return rows[:count]

    def _encode(self, rows: list[Any]) -> bytes:
        if not self._packed:
            return self._encode_one(rows[0])
        if self._lone:
            return self._codec.rows.encode_columns([rows])
        width = len(rows[0])
        if width and all(len(row) == width for row in rows):
            return self._codec.rows.encode_columns(list(zip(*rows, strict=True)))
        return self._codec.rows.encode_arguments([(row, {}) for row in rows])

    def _first_bad(self, rows: list[Any]) -> int | None:
        """Return which row cannot travel; None where each can by itself."""
        for index, row in enumerate(rows):
            try:
                self._encode_one(row)
            except Exception:  # noqa: BLE001 - it is told when its turn comes
                return index
        return None

    def _encode_one(self, row: Any) -> bytes:
        return self._codec.encode_arguments((row,) if self._lone else row, {})


def _about(problem: Exception, row: int) -> Exception:
    """Return an exception that says which row of a map it is about."""
    problem.row = row  # type: ignore[attr-defined]  # some are not ours
    problem.add_note(f"in row {row} of the map, counted from 0")
    return problem
