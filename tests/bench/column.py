"""The column on which functions are measured that are called for each row of a file."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["COLUMN", "clean", "is_clean", "loop_s", "write"]

COLUMN = "memo"
#: Row groups of the file: what peers share out among their workers.
_GROUPS = 8
_WORDS = ("coffee", "rent", "refund", "salary", "train", "books", "dinner", "fuel", "gift")


def clean(text: str) -> str:
    """Return what is measured: about the least that a function of a text can do."""
    return text.upper()[:12]


def write(path: Path, rows: int) -> None:
    """Write a Parquet file of so many memos, of about 20 characters each."""
    rng = random.Random(1)
    memos = [f"{rng.choice(_WORDS)} {rng.choice(_WORDS)} {n}" for n in range(rows)]
    table = pa.table({"id": pa.array(range(rows)), COLUMN: pa.array(memos)})
    pq.write_table(table, path, row_group_size=max(1, rows // _GROUPS))


def loop_s(path: str | Path) -> float:
    """Return the seconds of a plain loop over the column: out of Arrow, and back into it."""
    column: Any = pq.read_table(path, columns=[COLUMN])[COLUMN]
    begun = time.perf_counter()
    pa.array([clean(text) for text in column.to_pylist()])
    return time.perf_counter() - begun


def is_clean(path: str | Path, came: pa.Table) -> bool:
    """Whether a table has what `clean` makes of the file, in the order of its rows."""
    wanted = pc.utf8_slice_codeunits(
        pc.utf8_upper(pq.read_table(path, columns=[COLUMN])[COLUMN]), 0, 12
    )
    return bool(came[COLUMN].cast(pa.string()).combine_chunks().equals(wanted.combine_chunks()))
