"""`python -m tests.bench.of_dask FILE ROUNDS WORKERS`: each row of a column through Dask."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pyarrow as pa
from dask import dataframe
from dask.distributed import Client, LocalCluster

from tests.bench.column import COLUMN, clean, is_clean


def cleaned(part: Any) -> Any:
    """Return the column of one partition, each row changed."""
    return part[COLUMN].map(clean).to_frame()


def main() -> None:
    """Print the seconds of each round, by how Dask was asked; the first round is not counted."""
    file, rounds, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    told: dict[str, list[float]] = {}
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        for number in range(rounds + 1):
            begun = time.perf_counter()
            frame = dataframe.read_parquet(file, split_row_groups=True, columns=[COLUMN])
            frame = frame.map_partitions(cleaned, meta={COLUMN: "string"})
            came = pa.Table.from_pandas(frame.compute(), preserve_index=False)
            took_s = time.perf_counter() - begun
            assert is_clean(file, came)
            if number:
                told.setdefault("Dask map_partitions", []).append(took_s)
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
