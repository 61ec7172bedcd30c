"""A file through a function, row by row, into another file; prints whether that is exact."""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq

import chalkcompute
from chalkcompute import DataFrame, F, _


@chalkcompute.function(max_replicas=2)
def label(number: int) -> str:
    import time

    if number % 50 == 0:
        time.sleep(0.01)
    return f"row {number}"


def main(folder: str, rows: int) -> None:
    source, sink = f"{folder}/in.parquet", f"{folder}/out.parquet"
    pq.write_table(pa.table({"number": pa.array(range(rows))}), source)
    frame = DataFrame.scan(source).with_columns(label=F.catalog_call(label, _.number))
    frame.write_parquet(sink)
    came = pq.read_table(sink)
    wanted = pa.table({"number": range(rows), "label": [f"row {each}" for each in range(rows)]})
    print(json.dumps({"rows": came.num_rows, "exact": came.equals(wanted)}))


label.wait_ready()
main(sys.argv[1], int(sys.argv[2]))
