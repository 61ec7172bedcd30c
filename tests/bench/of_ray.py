"""`python -m tests.bench.of_ray FILE ROUNDS WORKERS`: each row of a column through Ray Data."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import ray

from tests.bench.column import COLUMN, clean, is_clean


def main() -> None:
    """Print the seconds of each round, by how Ray was asked; the first round is not counted."""
    file, rounds, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ray.init(num_cpus=workers, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False

    def by_row(row: dict[str, Any]) -> dict[str, Any]:
        return {COLUMN: clean(row[COLUMN])}

    def by_batch(table: Any) -> Any:
        return pa.table({COLUMN: [clean(each) for each in table[COLUMN].to_pylist()]})

    def read() -> Any:
        return ray.data.read_parquet(file, override_num_blocks=8)

    asked: dict[str, Callable[[], Any]] = {
        "Ray map": lambda: read().map(by_row),
        "Ray map_batches": lambda: read().map_batches(by_batch, batch_format="pyarrow"),
    }
    told: dict[str, list[float]] = {}
    for name, of in asked.items():
        for number in range(rounds + 1):
            begun = time.perf_counter()
            came = pa.concat_tables(ray.get(of().to_arrow_refs()))
            took_s = time.perf_counter() - begun
            assert is_clean(file, came)
            if number:
                told.setdefault(name, []).append(took_s)
    print(json.dumps(told), flush=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
