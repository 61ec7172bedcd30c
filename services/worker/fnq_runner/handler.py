"""A function that takes batches: what it is called with, and what it returns for each item."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fnq_wire.items import Arguments, table_parameter

__all__ = ["Handler"]

#: Names of classes whose instances are rows.
_ROWS = ("ndarray", "Series", "Index")
#: Kinds of parameters that are passed by position.
_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Handler:
    """The user's function, called `name` where people see it."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self.name = name
        self._parameters = list(inspect.signature(function).parameters.values())
        self._table = table_parameter(function)

    def call(self, items: Sequence[Arguments]) -> Any:
        """Call the function with a list for each parameter, or with a table; as it returns."""
        if self._table is not None:
            rows = [[*args, *kwargs.values()][0] for args, kwargs in items]
            return self._function(**{self._table: _table_of(rows, self._table)})
        bound = [self._bind(args, kwargs) for args, kwargs in items]
        columns = {each.name: [row[each.name] for row in bound] for each in self._parameters}
        by_position = [columns.pop(it.name) for it in self._parameters if it.kind in _BY_POSITION]
        return self._function(*by_position, **columns)

    def results(self, returned: Any, count: int) -> Sequence[Any]:
        """Return the result of each of `count` items.

        Raises TypeError for what has no rows, ValueError for too few or too many.
        """
        found = _rows_of(returned)
        if found is None:
            raise TypeError(
                f"{self.name!r} takes batches: expected a list with one result for each of the "
                f"{count} items, in order, not {type(returned).__name__}"
            )
        if len(found) != count:
            raise ValueError(
                f"{self.name!r} returned {len(found)} results for a batch of {count} items: "
                "expected one for each, in order"
            )
        return found

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of each parameter for one item: what was left out has its default."""
        names = [each.name for each in self._parameters]
        passed = dict(zip(names, args, strict=False)) | dict(kwargs)
        return {each.name: passed.get(each.name, each.default) for each in self._parameters}


def _rows_of(returned: Any) -> Sequence[Any] | None:
    """Return the rows of what a handler may return; None where it has none."""
    if isinstance(returned, (list, tuple)):
        return returned
    home = type(returned).__module__.partition(".")[0]
    if home == "pyarrow":
        columns = getattr(returned, "columns", None)
        if columns is not None and len(columns) == 1:
            returned = columns[0]
        rows: list[Any] | None = returned.to_pylist() if hasattr(returned, "to_pylist") else None
        return rows
    # Not a frame: iterating over that gives its columns.
    if home in ("numpy", "pandas", "polars") and type(returned).__name__ in _ROWS:
        return list(returned) if getattr(returned, "ndim", 1) > 0 else None
    return None


def _table_of(rows: Sequence[Any], name: str) -> Any:
    """Return rows, dicts or tables of one row, as one table; what a row lacks is null.

    A row that is neither has one column, `name`.
    """
    import pyarrow as pa

    tables: list[Any] = []
    dicts: list[Mapping[str, Any]] = []
    for row in rows:
        if not isinstance(row, pa.Table):
            dicts.append(row if isinstance(row, Mapping) else {name: row})
            continue
        if dicts:
            tables.append(_table_of_dicts(dicts))
            dicts = []
        tables.append(row)
    if dicts:
        tables.append(_table_of_dicts(dicts))
    return pa.concat_tables(tables, promote_options="permissive").combine_chunks()


def _table_of_dicts(rows: Sequence[Mapping[str, Any]]) -> Any:
    import pyarrow as pa

    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})
