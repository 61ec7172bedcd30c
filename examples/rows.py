"""A function over every row of a file: `python examples/rows.py`.

The file may be larger than memory: rows stream through, and keep their order.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import chalkcompute
from chalkcompute import DataFrame, F, _

MEMOS = ["Coffee at the station", "RENT, June", "refund 12.50", "", "train to Lyon"]


@chalkcompute.function(max_replicas=4)
def amount(memo: str) -> float:
    """Return the number at the end of a memo; a memo that ends otherwise fails."""
    return float(memo.rsplit(maxsplit=1)[-1])


def main() -> None:
    """Write a table, have a function called for each row of it, and look at what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "memos.parquet")
        made = DataFrame.from_pydict({"id": range(1_000), "memo": MEMOS * 200})
        made.write_parquet(path)
        memos = DataFrame.scan(path).filter(F.length(_.memo) > 0)
        read = memos.project(
            {"id": _.id, "memo": F.lower(_.memo), "amount": F.catalog_call("amount", _.memo)},
            on_error="keep",
        )
        print(read.explain())
        for row in read.limit(4):
            print(row)
        print(read.filter(_.amount_error.is_null()).count(), "of", read.count(), "memos have one")


if __name__ == "__main__":
    main()
