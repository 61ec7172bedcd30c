"""Functions called for each row of batches of columns, in every way."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

import chalkcompute
from chalkcompute.frame.calling import Errand, call_each

FOLDER = Path(sys.argv[1])


@dataclasses.dataclass
class Reading:
    """What a meter says."""

    meter: str
    watts: float


@chalkcompute.function
def shorten_text(text: str) -> str:
    """Return the beginning of a text, in capitals."""
    return text.upper()[:12]


@chalkcompute.function
def shorten_untyped(text):  # type: ignore[no-untyped-def]
    """Do as `shorten_text`, and say nothing of types."""
    return text.upper()[:12]


@chalkcompute.function
def read_meter(meter: str, watts: float | None) -> Reading:
    """Return an object of the program's own."""
    return Reading(meter, watts or 0.0)


@chalkcompute.function
def sum_of_fields(record: dict[str, int]) -> int:
    """Return the sum of the values of a dict."""
    return sum(record.values())


@chalkcompute.function
def count_up(upto: int) -> Iterator[int]:
    """Yield numbers."""
    yield from range(upto)


@chalkcompute.function
async def count_up_async(upto: int) -> AsyncIterator[str]:
    """Yield texts."""
    for n in range(upto):
        await asyncio.sleep(0)
        yield f"n{n}"


@chalkcompute.function
async def wait_and_add(a: int, b: int = 1, *, c: int = 0) -> int:
    """Return a sum after a while."""
    await asyncio.sleep(0.05)
    return a + b + c


@chalkcompute.function(max_batching_size=64, max_buffer_duration=20)
def double_lists(numbers: list[int], factors: list[int]) -> list[int]:
    """Return products, of a batch."""
    return [a * b for a, b in zip(numbers, factors, strict=True)]


@chalkcompute.function(max_batching_size=64, max_buffer_duration=20)
def total_of_table(table: pa.Table) -> list[int]:
    """Return the sum of two columns, of a batch."""
    return [row["a"] + row["b"] for row in table.to_pylist()]


@chalkcompute.function
def reciprocal(n: int) -> float:
    """Return one by a number."""
    return 1 / n


@chalkcompute.function(min_replicas=4, max_replicas=4)
def doze_for(n: int, seconds: float) -> int:
    """Return a number after a while."""
    time.sleep(seconds)
    return n


@chalkcompute.function(retries=chalkcompute.RetryPolicy.linear(attempts=2, delay=0.02))
def fail_once(n: int) -> int:
    """Fail the first time for each third number."""
    if n % 3 == 0 and not chalkcompute.get_call_context().attempt:
        raise ValueError("not yet")
    return n


@chalkcompute.function(rate_limit_key="frame-calls")
def limited_number(n: int) -> int:
    """Return a number, when its turn has come."""
    return n


@chalkcompute.function
def mark_and_linger(folder: str, n: int) -> int:
    """Leave a mark, and take a while."""
    Path(folder, f"linger-{n}").touch()
    time.sleep(0.05)
    return n


@chalkcompute.function
def frame_in_worker(upto: int) -> list[str]:
    """Call another function for each row, in a worker."""
    texts = pa.array([f"text {n}" for n in range(upto)])
    batches = [pa.record_batch({"text": texts})]
    found = pa.Table.from_batches(call_each(iter(batches), Errand("shorten_text", ("text",))))
    return [*found.column("result").to_pylist(), str(found.schema.field("result").type)]


@chalkcompute.function
async def frame_in_loop(upto: int) -> list[int]:
    """Do the same in the event loop of a worker."""
    batches = [pa.record_batch({"a": pa.array(range(upto))})]
    found = pa.Table.from_batches(call_each(iter(batches), Errand(wait_and_add, ("a",))))
    return found.column("result").to_pylist()  # type: ignore[return-value]


def rows(size: int = 300, **columns: Any) -> Iterator[pa.RecordBatch]:
    """Yield columns, some rows at a time."""
    yield from pa.table(columns).to_batches(max_chunksize=size)


def made(batches: Iterator[pa.RecordBatch], errand: Errand) -> pa.Table:
    """Return all rows with their results."""
    return pa.Table.from_batches(call_each(batches, errand))


def types() -> None:
    """Results have one type, declared or not."""
    texts = [f"text number {n} é" for n in range(20_000)]
    wanted = [shorten_text.local(text) for text in texts]
    for name in ("shorten_text", "shorten_untyped"):
        found = made(rows(7_000, text=texts), Errand(name, ("text",)))
        same = found["result"].to_pylist() == wanted and found["text"].to_pylist() == texts
        print(name, same, found.schema.field("result").type)
    columns = {"m": ["a", "b"], "w": [1.5, None]}
    found = made(rows(**columns), Errand(read_meter, ("m",), {"watts": "w"}))
    print("dataclass", found["result"].to_pylist(), found.schema.field("result").type)
    structs = pa.array([{"x": 1, "y": 2}, {"x": 5, "y": 0}])
    print("struct", made(rows(s=structs), Errand(sum_of_fields, ("s",)))["result"].to_pylist())
    for each in (count_up, count_up_async):
        found = made(rows(n=[0, 2, 3]), Errand(each, ("n",)))
        print("lists", found["result"].to_pylist(), found.schema.field("result").type)


def forms() -> None:
    """Columns go by position and by name, to functions of any kind."""
    numbers = list(range(500))
    ones = pa.array([10] * 500)
    found = made(rows(n=numbers, ten=ones), Errand(wait_and_add, ("n",), {"c": "ten"}))
    print("async", found["result"].to_pylist() == [n + 11 for n in numbers])
    found = made(rows(n=numbers, ten=ones), Errand(double_lists, ("n",), {"factors": "ten"}))
    print("lists", found["result"].to_pylist() == [10 * n for n in numbers])
    found = made(rows(n=numbers, ten=ones), Errand("total_of_table", (), {"a": "n", "b": "ten"}))
    print("table", found["result"].to_pylist() == [n + 10 for n in numbers])


def failures() -> None:
    """A row that fails ends it, or is null."""
    batches = call_each(rows(n=[1, 2, 0, 4]), Errand(reciprocal, ("n",)))
    seen = []
    try:
        for batch in batches:
            seen += batch["result"].to_pylist()
    except chalkcompute.RemoteError as error:
        told = [note for note in error.__notes__ if note.startswith("in row")]
        print("raised", seen, error, error.row, error.value, told)
    found = made(rows(n=[1, 0, 2, None]), Errand(reciprocal, ("n",), on_error="null"))
    print("null", found["result"].to_pylist(), found.column_names)
    errand = Errand(reciprocal, ("n",), column="r", on_error="keep", error_column="r_error")
    for row in made(rows(n=[1, 0, None]), errand).to_pylist():
        print("keep", row)


def order() -> None:
    """Rows keep their order, whichever worker is first; what is closed is cancelled."""
    doze_for.wait_ready()
    seconds = [0.2 if n % 7 == 0 else 0.01 for n in range(40)]
    began = time.monotonic()
    found = made(rows(n=list(range(40)), s=seconds), Errand(doze_for, ("n", "s")))
    side_by_side = time.monotonic() - began < sum(seconds) * 0.8
    print("order", found["result"].to_pylist() == list(range(40)), side_by_side)
    found = made(rows(n=list(range(7))), Errand(fail_once, ("n",)))
    print("retried", found["result"].to_pylist())
    found = made(rows(n=list(range(12))), Errand(limited_number, ("n",)))
    print("limited", found["result"].to_pylist() == list(range(12)))
    folders = pa.array([str(FOLDER)] * 1_000)
    lingering = call_each(
        rows(f=folders, n=list(range(1_000))), Errand(mark_and_linger, ("f", "n"))
    )
    next(lingering)
    lingering.close()  # type: ignore[attr-defined]  # it is a generator
    after = FOLDER / "after"
    after.mkdir()
    # Each stands in the queue behind all that was sent before.
    marks = [_marks_once_called(after, n) for n in range(2)]
    print("cancelled", marks[0] < 20, marks[0] == marks[1])


def _marks_once_called(folder: Path, n: int) -> int:
    """Return the marks of other calls, once one more was made."""
    mark_and_linger(str(folder), n)
    return len(list(FOLDER.glob("linger-*")))


def main() -> None:
    """Do a part of it."""
    if sys.argv[2] == "values":
        types()
        forms()
        print("in a worker", frame_in_worker(3), frame_in_loop(3))
    else:
        failures()
        order()


main()
