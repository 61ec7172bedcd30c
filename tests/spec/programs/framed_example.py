"""The specification's dataframe.py, as it is, on a file of a size, beside a plain loop."""

import json
import os
import runpy
import sys

import pyarrow as pa
import pyarrow.parquet as pq

MEMOS = ["Lunch with Ada in Paris", "rent", "Train to Lyon", "refund from Acme"]


def plain(memo: str) -> str:
    return json.dumps([{"text": word, "label": "NAME"} for word in memo.split() if word.istitle()])


def main(example: str, folder: str, rows: int) -> None:
    os.chdir(folder)
    memos = [f"{MEMOS[number % 4]} {number}" for number in range(rows)]
    table = pa.table({"transaction_id": range(rows), "memo": memos, "amount": [1.5] * rows})
    pq.write_table(table, "transactions.parquet")
    results = runpy.run_path(example)["results"]
    found = results.to_arrow()
    wanted = table.select(["transaction_id", "memo"])
    wanted = wanted.append_column("entities", pa.array([plain(memo) for memo in memos]))
    print(found.num_rows, *found.schema.names, found.equals(wanted))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
