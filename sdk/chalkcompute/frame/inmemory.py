"""What a frame is made of that lies in memory: tables of Arrow, and what becomes one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from chalkcompute.frame.format import slim
from chalkcompute.frame.making import Making
from chalkcompute.frame.source import SAMPLE_ROWS, plain

__all__ = ["InMemory", "of_arrow", "of_pandas", "of_polars", "of_pydict"]


class InMemory:
    """A table in memory."""

    def __init__(self, table: pa.Table, text: str) -> None:
        self.schema = plain(table.schema.remove_metadata(), text)
        self._table = table.cast(self.schema)
        self._text = text

    def batches(self, making: Making) -> Iterator[pa.RecordBatch]:
        names = list(making.needed)
        for batch in self._table.select(names).to_batches() if names else self._table.to_batches():
            for part in slim(batch):
                made = making.of(part)
                if made.num_rows:
                    yield made

    def count(self) -> int | None:
        return int(self._table.num_rows)

    def sample(self) -> pa.RecordBatch | None:
        return next(iter(self._table.slice(0, SAMPLE_ROWS).to_batches()), None)

    def text(self, *, short: bool = False) -> str:
        return self._text if short else f"{self._text}, {self._table.num_rows:,} rows"


def of_arrow(data: Any) -> InMemory:
    """Return a table, a batch, or what exports a stream of Arrow, as a source."""
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    elif not isinstance(data, pa.Table):
        if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
            raise TypeError(f"from_arrow: expected a pyarrow.Table, not {_kind(data)}")
        data = pa.table(data)
    return InMemory(data, "a table of Arrow")


def of_pandas(frame: Any) -> InMemory:
    """Return a frame of pandas as a source."""
    if not hasattr(frame, "iloc") or not hasattr(frame, "columns"):
        raise TypeError(f"from_pandas: expected a pandas.DataFrame, not {_kind(frame)}")
    indexed = any(name is not None for name in frame.index.names)
    try:
        return InMemory(pa.Table.from_pandas(frame, preserve_index=indexed), "a frame of pandas")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
        told = ", ".join(map(str, problem.args))
        raise ValueError(f"from_pandas: a column has values of no one type: {told}") from problem


def of_polars(frame: Any) -> InMemory:
    """Return a frame of polars as a source."""
    if not hasattr(frame, "to_arrow"):
        lazy = ": .collect() it first" if hasattr(frame, "collect") else ""
        raise TypeError(f"from_polars: expected a polars.DataFrame, not {_kind(frame)}{lazy}")
    return InMemory(frame.to_arrow(), "a frame of polars")


def of_pydict(columns: Mapping[str, Any]) -> InMemory:
    """Return lists by the names of columns as a source."""
    if not isinstance(columns, Mapping):
        raise TypeError(f"from_pydict: expected names and lists, not {_kind(columns)}")
    arrays: dict[str, pa.Array[Any]] = {}
    for name, values in columns.items():
        if not isinstance(name, str):
            raise TypeError(f"from_pydict: the name of a column is a string, not {name!r}")
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowException, TypeError) as problem:
            raise ValueError(f'from_pydict: column "{name}": {problem}') from problem
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f'"{name}" has {length:,}' for name, length in lengths.items())
        raise ValueError(f"from_pydict: columns have different numbers of rows: {told}")
    return InMemory(pa.table(arrays), "a dict")


def _kind(value: object) -> str:
    """Return the name of a value's type."""
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
