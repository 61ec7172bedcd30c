"""A Parquet file that is larger than memory may be, through a function and into another file.

Prints the rows, and the most memory that each process had.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import chalkcompute
from chalkcompute import DataFrame, F, _

#: Characters of a row, and rows that are written at a time.
WIDTH, GROUP = 512, 20_000


@chalkcompute.function
def head(text: str) -> str:
    return text[:8].upper()


def texts(start: int, rows: int) -> pa.Array:
    """Return texts of WIDTH characters, of which a row number is the first eight."""
    noise = os.urandom(rows * (WIDTH - 8) // 2).hex()
    tails = pa.array([noise[at : at + WIDTH - 8] for at in range(0, len(noise), WIDTH - 8)])
    heads = pc.utf8_lpad(pa.array(range(start, start + rows)).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise(heads, tails, "")


def write(path: str, size: int) -> int:
    """Write a file of so many bytes; return its rows."""
    schema = pa.schema({"number": pa.int64(), "text": pa.string()})
    rows = 0
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        while rows * WIDTH < size:
            numbers = pa.array(range(rows, rows + GROUP))
            writer.write_table(pa.table([numbers, texts(rows, GROUP)], schema=schema))
            rows += GROUP
    return rows


def peak_kib(pid: int) -> int:
    """Return the most memory that a process had."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM:")).split()[1])


def peaks() -> dict[str, int]:
    """Return the most memory of each process of the stack, its runners and this one, in KiB."""
    fnq = Path(sys.executable).with_name("fnq")
    status = json.loads(subprocess.check_output([fnq, "status", "--json"]))
    pids = {f"{each['role']}-{each['pid']}": each["pid"] for each in status["processes"]}
    return {name: peak_kib(pid) for name, pid in (pids | {"caller": os.getpid()}).items()}


def main(folder: str, size: int) -> None:
    big, small = f"{folder}/big.parquet", f"{folder}/small.parquet"
    # Another process writes it, and takes the memory for that with it.
    if (child := os.fork()) == 0:
        write(big, size)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    head.wait_ready()
    frame = DataFrame.scan(big).with_columns({"head": F.catalog_call(head, _.text)})
    written = frame.select("number", "text", "head").write_parquet(small)
    found, row = pq.ParquetFile(small), 0
    exact = found.metadata.num_rows == pq.ParquetFile(big).metadata.num_rows == written
    for batch in found.iter_batches(columns=["number", "head"]):
        wanted = pa.array(range(row, row + batch.num_rows))
        exact = exact and batch["number"].equals(wanted)
        exact = exact and batch["head"].cast(pa.int64()).equals(wanted)
        row += batch.num_rows
    print(
        json.dumps({"rows": row, "exact": exact, "bytes": os.stat(big).st_size, "peaks": peaks()})
    )


main(sys.argv[1], int(sys.argv[2]))
