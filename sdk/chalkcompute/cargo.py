"""What a driver carries: rows on their way out, and what became of them on the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from chalkcompute.inflight import Target
    from chalkcompute.reply import Reply
    from fnq_wire.arrow import Codec
    from fnq_wire.pieces import Payload

__all__ = ["Cargo", "Landed", "Load"]


@dataclass(slots=True)
class Load:
    """Rows that travel together, `first` being the number of the first one.

    `spare` is what `Cargo.again` needs of it, `held` the bytes that are kept here until its
    outcomes are read. `error` says why the one row cannot travel, where it cannot.
    """

    first: int
    rows: int
    payload: Payload = b""
    spare: bytes = b""
    held: int = 0
    error: Exception | None = None


@dataclass(slots=True)
class Landed:
    """Outcomes of consecutive rows: a value for each, and by their places what failed some.

    `ran_s` is how long the rows ran, in seconds.
    """

    values: Any
    failures: Mapping[int, Exception] = field(default_factory=dict)
    ran_s: float = 0.0

    def until(self, row: int) -> Landed:
        """Return the first outcomes, none of which is a failure."""
        return Landed(self.values[:row])


class Cargo(Protocol):
    """Rows of one input, sent by a driver in entries; each has one outcome.

    An input that raises has ended; `problem` is what it raised.
    """

    #: Rows of an entry at most, and bytes of one that has several.
    entry_rows: int
    entry_bytes: int
    #: By how much an entry may be larger than the largest that was seen to run.
    growth: int
    #: Bytes of the entries that are in flight or were not read, a few apart.
    window_bytes: int
    #: Entries in flight while they run for a short time; with `narrow` one, as long as it is
    #: too short to tell how many rows the next ones may have.
    short_entries: int
    narrow: bool

    @property
    def problem(self) -> Exception | None:
        """What the input raised, where it did."""
        ...

    @property
    def repeats(self) -> bool:
        """Whether the next entry is one of those that are sent again."""
        ...

    def open(self, target: Target, codec: Codec, *, plain: bool) -> None:
        """Take note of what is called; with `plain` entries are calls of one row, not packed.

        Raises TypeError where the function cannot be called so.
        """
        ...

    def next(self, most: int) -> Load | None:
        """Return the next entry, of `most` rows at most; None when the input has ended."""
        ...

    def again(self, first: int, count: int, spare: bytes) -> None:
        """Have the last `count` rows of an entry sent once more, each alone.

        `first` is the number of the first of them, `spare` what `Load.spare` was.
        Raises SerializationError.
        """
        ...

    def read_block(self, reply: Reply, block: bytes | memoryview, first: int, row: int) -> Landed:
        """Return the outcomes in a block, from row `row` of its entry on.

        `first` is the number of the entry's first row. Raises SerializationError.
        """
        ...

    def read_value(self, reply: Reply, payload: bytes | memoryview, first: int) -> Landed:
        """Return the outcome of an entry that was no packed call."""
        ...

    def failed(self, problems: Sequence[Exception], first: int) -> Landed:
        """Return the outcomes of rows that failed, `first` being the number of the first."""
        ...

    def close(self) -> None:
        """Let go of the input, as if it had ended."""
        ...
