"""Expressions as a scan computes them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from chalkcompute.frame.compiled import compiled, schema_of
from chalkcompute.frame.expression import node_of


def evaluated(expression: object, table: pa.Table) -> list[Any]:
    """Return what an expression is for each row, and see its type to be the one foretold."""
    return scanned(expression, table).to_pylist()


def scanned(expression: object, table: pa.Table) -> pa.ChunkedArray[Any]:
    """Return what an expression is for each row; of no rows it must be of the same type."""
    node = node_of(expression)
    columns: Any = {"x": compiled([node], table.schema)[0]}
    foretold = schema_of({"x": node}, table.schema)
    assert ds.dataset(table.slice(0, 0)).scanner(columns=columns).to_table().schema == foretold
    result = ds.dataset(table).scanner(columns=columns).to_table()
    assert result.schema == foretold
    return result["x"]
