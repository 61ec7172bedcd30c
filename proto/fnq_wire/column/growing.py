"""A column of strings that is made some at a time, each lot an array of Arrow at once.

Strings that stand in an array can be let go while they lie in the processor's cache, so a
long column is made in half the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from fnq_wire.column.layout import Layout
from fnq_wire.column.leaf import LEAVES
from fnq_wire.column.straight import Straight
from fnq_wire.pieces import Payload

__all__ = ["GrowingText"]

_LAYOUTS = {
    nullable: Layout(("result",), (Straight(LEAVES[str], 0, nullable=nullable),))
    for nullable in (False, True)
}
_TEXT, _NONE = {str}, {str, type(None)}


class GrowingText:
    """Take results that are strings, or with `nullable` None, and nothing else; for one thread."""

    def __init__(self, *, nullable: bool) -> None:
        self._nullable = nullable
        self._lots: list[Any] = []
        self._rows = 0

    def __len__(self) -> int:
        """Return how many values there are."""
        return self._rows

    def take(self, values: Sequence[Any], most: int) -> int | None:
        """Append values, of `most` bytes at most; return the bytes of them.

        Return None, and take none of them, where one is of another type, or no Unicode,
        or where they have more bytes.
        """
        if not set(map(type, values)) <= (_NONE if self._nullable else _TEXT):
            return None
        try:
            lot: Any = pa.array(values, pa.string())
        except (UnicodeEncodeError, pa.ArrowException):
            return None
        if not isinstance(lot, pa.Array) or lot.nbytes > most:
            return None
        self._lots.append(lot)
        self._rows += len(values)
        return int(lot.nbytes)

    def values(self) -> list[Any]:
        """Return the values, as they were taken."""
        return [value for lot in self._lots for value in lot.to_pylist()]

    def encode(self) -> Payload:
        """Return the payload of the values, of which there are some; a large one in pieces."""
        array = pa.concat_arrays(self._lots)
        return _LAYOUTS[self._nullable].lay_out([array], self._rows)
