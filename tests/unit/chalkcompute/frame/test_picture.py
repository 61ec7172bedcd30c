"""A frame that is looked at shows its columns, and a few rows that cost nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.functions import F
from tests.unit.chalkcompute.frame.calls import Calls


def test_a_frame_shows_columns_and_five_rows() -> None:
    """Long values are cut, and lines stay lines."""
    frame = DataFrame.from_pydict(
        {"n": [1, None, 3, 4, 5, 6], "text": ["a\nb", "x" * 100, None, "", "<b>", "end"]}
    )
    assert repr(frame).splitlines() == [
        "DataFrame of a dict",
        "  n     int64",
        "  text  string",
        "",
        "  n     text",
        "  1     a\\nb",
        f"  null  {'x' * 23}…",
        "  3     null",
        "  4",
        "  5     <b>",
    ]
    html = frame._repr_html_()
    assert html.startswith("<table><caption>DataFrame of a dict</caption>")
    assert "<th>n<br><small>int64</small></th>" in html
    assert "<td>&lt;b&gt;</td>" in html
    assert html.count("<tr>") == 6


def test_what_calls_make_is_left_out(calls: Calls) -> None:
    """Other columns are shown with rows; where a call decides which rows there are, none are."""
    frame = DataFrame.from_pydict({"n": [1, 2], "s": ["a", "b"]})
    called = frame.project(m=_.n + 1, up=F.catalog_call("upper", _.s), tail=F.concat("t", _.s))
    assert repr(called).splitlines() == [
        "DataFrame of a dict",
        "  m     int64",
        "  up    known once it runs",
        "  tail  string",
        "",
        "  m  tail",
        "  2  ta",
        "  3  tb",
    ]
    assert "<tr><td>2</td><td>…</td><td>ta</td></tr>" in called._repr_html_()
    assert len(repr(called.filter(_.up == "A")).splitlines()) == 4
    assert len(repr(called.filter(_.m == 3)).splitlines()) == 7
    assert calls.made == []


def test_a_few_rows_of_a_large_file_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but one small batch, whatever a filter lets through."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"n": list(range(100_000))}), path)
    read: list[int] = []
    plain = pa.parquet.ParquetFile.iter_batches

    def iter_batches(self: pa.parquet.ParquetFile, **options: int) -> object:
        for batch in plain(self, **options):  # type: ignore[arg-type]
            read.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(pa.parquet.ParquetFile, "iter_batches", iter_batches)
    frame = DataFrame.scan(path)
    assert repr(frame).splitlines()[-1] == "  4"
    assert repr(frame.filter(_.n > 50_000)).splitlines()[-1] == "  n  int64"
    assert sum(read) < 1000


def test_a_frame_whose_file_is_gone_is_shown_all_the_same(tmp_path: Path) -> None:
    """Columns are known; rows are not there any more."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"n": [1]}), path)
    frame = DataFrame.scan(path)
    path.unlink()
    assert repr(frame) == f"DataFrame of {path}\n  n  int64"
    with pytest.raises(FileNotFoundError):
        frame.collect()


def test_many_columns_are_counted() -> None:
    """A frame of hundreds of columns still fits on a screen."""
    frame = DataFrame.from_pydict({f"c{n}": [n] for n in range(300)})
    lines = repr(frame).splitlines()
    assert len(lines) < 50
    assert "  and 260 more" in lines


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.list_(pa.timestamp("us"))])
def test_a_time_that_python_has_not_got_is_shown_all_the_same(kind: pa.DataType) -> None:
    """To look at a frame raises nothing."""
    far = 10**18
    array = pa.array([[far] if pa.types.is_list(kind) else far], kind)
    frame = DataFrame.from_arrow(pa.table({"t": array}))
    assert "out of range" in repr(frame)
    assert "out of range" in frame._repr_html_()
