"""Rows are written whole or not at all, in groups of a bounded size."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from chalkcompute import ExpressionError
from chalkcompute.frame import sink
from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _


def test_a_file_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups are of so many rows, or so many bytes, whichever comes first."""
    table = pa.table({"n": list(range(100))})
    batches = table.to_batches(max_chunksize=10)
    monkeypatch.setattr(sink, "_GROUP_ROWS", 30)
    assert sink.write_parquet(tmp_path / "x.parquet", iter(batches), lambda: table.schema) == 100
    metadata = pa.parquet.read_metadata(tmp_path / "x.parquet")
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [30, 30, 30, 10]
    assert groups[0].column(0).compression == "ZSTD"
    monkeypatch.setattr(sink, "_GROUP_BYTES", 8 * 15)
    sink.write_parquet(tmp_path / "x.parquet", iter(batches), lambda: table.schema)
    assert pa.parquet.read_metadata(tmp_path / "x.parquet").num_row_groups == 5
    assert pa.parquet.read_table(tmp_path / "x.parquet") == table


def test_a_file_without_rows_has_columns(tmp_path: Path) -> None:
    """Whoever reads it finds their types."""
    frame = DataFrame.from_pydict({"n": [1]}).filter(_.n > 1)
    assert frame.write_parquet(tmp_path / "x.parquet") == 0
    assert pa.parquet.read_table(tmp_path / "x.parquet").schema == pa.schema({"n": pa.int64()})


def test_a_file_can_be_written_over_what_it_is_made_of(tmp_path: Path) -> None:
    """It is replaced once the new one is whole."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"n": [1, 2, 3]}), path)
    assert DataFrame.scan(path).filter(_.n > 1).write_parquet(str(path)) == 2
    assert DataFrame.scan(path).collect().to_pydict() == {"n": [2, 3]}


def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    """Whoever made the link wants the rows there, also where no file is yet."""
    link, path = tmp_path / "link.parquet", tmp_path / "x.parquet"
    link.symlink_to(path)
    for rows in ([1], [1, 2]):
        DataFrame.from_pydict({"n": rows}).write_parquet(link)
        assert link.is_symlink()
        assert DataFrame.scan(path).collect().to_pydict() == {"n": rows}


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    """A pipe stays a pipe, as a device would."""
    pipe = tmp_path / "x.parquet"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError) as caught:
        DataFrame.from_pydict({"n": [1]}).write_parquet(pipe)
    assert str(caught.value) == f"{pipe}: is a device, a pipe or a socket: name a file"
    assert pipe.is_fifo()


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("group", [1, 100])
def test_nothing_is_left_of_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], group: int
) -> None:
    """A file that was there stays as it was, and nothing lies beside it, or is written later."""
    monkeypatch.setattr(sink, "_GROUP_ROWS", group)
    path = tmp_path / "x.parquet"
    path.write_text("as it was")

    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"n": [1]})
        raise error("no")

    with pytest.raises(error):
        sink.write_parquet(path, batches(), lambda: pa.schema([]))
    gc.collect()
    assert os.listdir(tmp_path) == ["x.parquet"]
    assert path.read_text() == "as it was"


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        (".", IsADirectoryError, "{}/.: is a directory: name a file in it, as out.parquet"),
        (
            "no/x.parquet",
            FileNotFoundError,
            "{0}/no/x.parquet: there is no directory {0}/no: make it first",
        ),
    ],
)
def test_a_place_where_no_file_can_be_is_told(
    tmp_path: Path, name: str, kind: type[Exception], text: str
) -> None:
    """It is told before anything is read."""

    def batches() -> Iterator[pa.RecordBatch]:
        raise AssertionError
        yield

    with pytest.raises(kind) as raised:
        sink.write_parquet(f"{tmp_path}/{name}", batches(), lambda: pa.schema([]))
    assert str(raised.value) == text.format(tmp_path)
    with pytest.raises(TypeError, match="not b'x'"):
        sink.write_parquet(b"x", batches(), lambda: pa.schema([]))  # type: ignore[arg-type]


def test_a_type_that_parquet_lacks_is_told(tmp_path: Path) -> None:
    """The error says what to do."""
    interval = pa.array([(1, 2, 3)], pa.month_day_nano_interval())
    frame = DataFrame.from_arrow(pa.table({"i": interval}))
    with pytest.raises(ExpressionError, match=r"Parquet cannot hold .* \.cast\(\.\.\.\) or \.drop"):
        frame.write_parquet(tmp_path / "x.parquet")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("where", [None, 5, b"x.parquet"])
def test_what_is_no_path_is_refused(where: Any) -> None:
    """The error says who refuses it, and what is expected."""
    frame = DataFrame.from_pydict({"n": [1]})
    with pytest.raises(TypeError) as raised:
        frame.write_parquet(where)
    assert str(raised.value) == f"write_parquet: expected a path or a URL, not {where!r}"
    with pytest.raises(ValueError, match="write_parquet: the path is empty"):
        frame.write_parquet("")
