"""Files of every format, wherever they lie, are frames of the same rows."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from chalkcompute import ExpressionError
from chalkcompute.frame import format as formats
from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.functions import F

ROWS: dict[str, list[Any]] = {"n": [1, 2, 3, None], "s": ["a", None, "c", "d"]}


def _ipc(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def _ipc_file(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)


def _json(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


def _csv(table: pa.Table, path: Path, delimiter: str = ",") -> None:
    options = pa.csv.WriteOptions(delimiter=delimiter)
    pa.csv.write_csv(table, str(path), write_options=options)


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "x.parquet": lambda table, path: pa.parquet.write_table(table, path, row_group_size=2),
    "x.pq": pa.parquet.write_table,
    "x.csv": _csv,
    "x.tsv": lambda table, path: _csv(table, path, "\t"),
    "x.arrow": _ipc,
    "x.arrows": _ipc,
    "x.ipc": _ipc_file,
    "x.feather": lambda table, path: pa.feather.write_feather(table, str(path)),
    "x.jsonl": _json,
    "x.ndjson": _json,
    "x.json": _json,
}


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl"])
@pytest.mark.parametrize("first", [True, False])
def test_a_row_of_text_may_be_longer_than_what_is_read_at_once(
    tmp_path: Path, name: str, first: bool
) -> None:
    """Wherever it stands, no row is lost and none comes twice."""
    texts = [str(n) * 10 for n in range(100_000)]
    texts[0 if first else 70_000] = "x" * 3_000_000
    WRITERS[name](pa.table({"n": list(range(100_000)), "s": texts}), tmp_path / name)
    frame = DataFrame.scan(tmp_path / name, types={"s": str})
    assert frame.collect().to_pydict() == {"n": list(range(100_000)), "s": texts}


def test_a_quote_that_is_never_closed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read of it has a bound."""
    monkeypatch.setattr(formats, "_LONGEST_ROW_BYTES", 2 << 20)
    (tmp_path / "x.csv").write_text('n,s\n1,"x\n' + "2,y\n" * 2_000_000)
    with pytest.raises(ValueError, match=r"x\.csv: a row has more than 2 MiB, or a quote") as told:
        DataFrame.scan(tmp_path / "x.csv").collect()
    assert "format=" not in str(told.value)


def test_names_of_directories_that_are_no_integers_of_arrow_are_strings(tmp_path: Path) -> None:
    """Digits of other scripts, and too many of them."""
    for value in ("1", "\u0663", "9" * 20):
        (tmp_path / f"k={value}").mkdir()
        pa.parquet.write_table(pa.table({"n": [1]}), tmp_path / f"k={value}" / "x.parquet")
    values = DataFrame.scan(tmp_path).collect()["k"].to_pylist()
    assert values == ["1", "9" * 20, "\u0663"]


def test_bytes_that_are_damaged_are_told_with_their_file(tmp_path: Path) -> None:
    """What a file says of itself may be whole while its values are not."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"n": list(range(1_000))}), path, use_dictionary=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(1_000) + whole[1_100:])
    with pytest.raises(OSError, match=f"^{path}: Corrupt snappy compressed data$"):
        DataFrame.scan(path).collect()


def test_a_key_that_comes_late_in_json_is_a_column_where_its_type_is_given(tmp_path: Path) -> None:
    """Of the first lines nobody can tell that it will be there."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"n": 1}\n' * 200_000 + '{"n": 2, "late": "x"}\n')
    assert DataFrame.scan(path).columns == ["n"]
    frame = DataFrame.scan(path, types={"late": str})
    assert frame.columns == ["n", "late"]
    assert frame.filter(_.late.is_not_null()).collect().to_pylist() == [{"n": 2, "late": "x"}]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_a_frame(tmp_path: Path, name: str) -> None:
    """Rows, columns and types are those of the file; columns can be left out."""
    table = pa.table(ROWS)
    WRITERS[name](table, tmp_path / name)
    frame = DataFrame.scan(tmp_path / name)
    assert frame.schema == table.schema
    assert frame.to_arrow() == table
    assert frame.select("s").to_arrow() == table.select(["s"])
    assert frame.filter(_.n > 1).project(m=_.n + 1).to_arrow().to_pydict() == {"m": [3, 4]}
    assert frame.count() == 4
    assert frame.filter(_.n > 1).count() == 2


@pytest.mark.parametrize("name", WRITERS)
def test_several_files_are_one_frame(tmp_path: Path, name: str) -> None:
    """A list, a glob and a directory give the rows of one file after the other."""
    table = pa.table(ROWS)
    paths = [tmp_path / f"{n}{name}" for n in range(3)]
    for n, path in enumerate(paths):
        WRITERS[name](table.slice(n, 1), path)
    (tmp_path / "README.md").write_text("what this is")
    whole = table.slice(0, 3)
    for where in (paths, str(tmp_path / f"*{name}"), tmp_path, f"file://{tmp_path}"):
        assert DataFrame.scan(where).to_arrow() == whole
        assert DataFrame.scan(where).count() == 3


def test_names_of_directories_are_columns(tmp_path: Path) -> None:
    """Keys of hive directories are whole numbers or strings, null where they say so."""
    for name, n in (
        ("year=2024/kind=a", 1),
        ("year=2025/kind=b", 2),
        ("year=2026/kind=__HIVE_DEFAULT_PARTITION__", 3),
    ):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        pa.parquet.write_table(pa.table({"n": [n]}), folder / "x.parquet")
    frame = DataFrame.scan(tmp_path)
    assert frame.collect().to_pydict() == {
        "n": [1, 2, 3],
        "year": [2024, 2025, 2026],
        "kind": ["a", "b", None],
    }
    assert frame.schema.field("year").type == pa.int64()
    assert frame.filter(_.kind.is_null()).select("n").collect().to_pydict() == {"n": [3]}
    assert frame.select("year").collect().num_rows == 3


def test_directories_that_a_filter_leaves_out_are_not_read(tmp_path: Path) -> None:
    """What the names of directories tell needs no file."""
    for year in (2024, 2025):
        (tmp_path / f"year={year}").mkdir()
        pa.parquet.write_table(pa.table({"n": [1]}), tmp_path / f"year={year}" / "x.parquet")
    frame = DataFrame.scan(tmp_path).filter(_.year == 2025)
    (tmp_path / "year=2024" / "x.parquet").write_bytes(b"damaged")
    assert frame.collect().to_pydict() == {"n": [1], "year": [2025]}


def test_row_groups_that_a_filter_leaves_out_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics say which groups of rows have none that is wanted."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"n": list(range(100))}), path, row_group_size=10)
    read: list[int] = []
    reader = pa.parquet.ParquetFile
    plain = reader.iter_batches

    def iter_batches(self: Any, *args: Any, **options: Any) -> Any:
        read.extend(options.get("row_groups") or [])
        return plain(self, *args, **options)

    monkeypatch.setattr(reader, "iter_batches", iter_batches)
    frame = DataFrame.scan(path).filter((_.n > 34) & (_.n < 42))
    assert frame.collect().to_pydict() == {"n": list(range(35, 42))}
    assert read == [3, 4]


def test_a_limit_reads_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants five rows reads one batch."""
    monkeypatch.setattr(formats, "BATCH_ROWS", 10)
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({"n": list(range(10_000))}), path, row_group_size=100)
    batches = DataFrame.scan(path).to_batches()
    assert next(batches).num_rows == 10
    batches.close()  # type: ignore[attr-defined]
    assert DataFrame.scan(path).limit(5).collect().to_pydict() == {"n": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "x.ipc", "x.csv", "x.jsonl"])
def test_batches_have_few_bytes_however_wide_a_row_is(tmp_path: Path, name: str) -> None:
    """Rows of 100 kB, whose values a dictionary holds but once in the file, come a few at once."""
    table = pa.table({"s": ["x" * 100_000] * 300})
    WRITERS[name](table, tmp_path / name)
    batches = list(DataFrame.scan(tmp_path / name).to_batches())
    assert sum(batch.num_rows for batch in batches) == 300
    assert max(batch.nbytes for batch in batches) <= formats.BATCH_BYTES + 100_000


def test_columns_of_files_are_united(tmp_path: Path) -> None:
    """A column that a file lacks is null in it, and numbers have the wider type."""
    one, other = pa.table({"a": [1], "b": ["x"]}), pa.table({"a": [2.5], "c": [True]})
    for name in ("x.parquet", "x.arrow", "x.csv", "x.jsonl"):
        WRITERS[name](one, tmp_path / f"0{name}")
        WRITERS[name](other, tmp_path / f"1{name}")
        assert DataFrame.scan(str(tmp_path / f"*{name}")).collect().to_pydict() == {
            "a": [1.0, 2.5],
            "b": ["x", None],
            "c": [None, True],
        }


def test_packed_text_is_unpacked(tmp_path: Path) -> None:
    """The end of a name tells a compression too."""
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"n\n1\n"))
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(b'{"n": 1}\n'))
    for name in ("x.csv.gz", "x.jsonl.gz"):
        assert DataFrame.scan(tmp_path / name).collect().to_pydict() == {"n": [1]}


def test_types_can_be_given(tmp_path: Path) -> None:
    """What would be guessed wrongly is said: leading zeros, numbers with fractions further on."""
    (tmp_path / "x.csv").write_text("zip,n\n01234,1\n")
    (tmp_path / "x.jsonl").write_text('{"zip": "01234", "n": 1}\n')
    for name in ("x.csv", "x.jsonl"):
        frame = DataFrame.scan(tmp_path / name, types={"zip": str, "n": "double"})
        assert list(map(str, frame.schema.types)) == ["string", "double"]
        assert frame.collect().to_pydict() == {"zip": ["01234"], "n": [1.0]}


def test_a_format_can_be_given_or_found_in_the_file(tmp_path: Path) -> None:
    """A file without an end to its name is known by its first bytes, or by what is said."""
    pa.parquet.write_table(pa.table({"n": [1]}), tmp_path / "part-0")
    (tmp_path / "text").write_text("n\n1\n")
    assert DataFrame.scan(tmp_path / "part-0").collect().to_pydict() == {"n": [1]}
    assert DataFrame.scan(tmp_path / "text", format="csv").collect().to_pydict() == {"n": [1]}


def test_views_of_strings_are_strings(tmp_path: Path) -> None:
    """What Arrow can compute little with comes as what it can."""
    table = pa.table({"s": pa.array(["a", None], pa.string_view())})
    pa.parquet.write_table(table, tmp_path / "x.parquet")
    for frame in (DataFrame.from_arrow(table), DataFrame.scan(tmp_path / "x.parquet")):
        assert frame.project(s=F.upper(_.s)).collect().to_pydict() == {"s": ["A", None]}


def test_memory_of_any_kind_is_a_frame() -> None:
    """Tables, batches, readers, frames of pandas and polars, and dicts of lists."""
    import pandas as pd
    import polars as pl

    table = pa.table({"n": [1, 2], "s": ["a", None]})
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    frames = [
        DataFrame.from_arrow(table),
        DataFrame.from_arrow(table.to_batches()[0]),
        DataFrame.from_arrow(reader),
        DataFrame.from_pandas(table.to_pandas()),
        DataFrame.from_polars(pl.DataFrame({"n": [1, 2], "s": ["a", None]})),
        DataFrame.from_pydict({"n": [1, 2], "s": ["a", None]}),
    ]
    for frame in frames:
        assert frame.project(n=_.n + 1, s=F.upper(_.s)).collect().to_pydict() == {
            "n": [2, 3],
            "s": ["A", None],
        }
        assert frame.count() == 2
    indexed = pd.DataFrame({"n": [1]}, index=pd.Index(["k"], name="key"))
    assert DataFrame.from_pandas(indexed).collect().to_pydict() == {"n": [1], "key": ["k"]}
    assert DataFrame.from_pandas(pd.DataFrame({"n": [1]}, index=["k"])).columns == ["n"]


def test_a_file_without_rows_is_a_frame(tmp_path: Path) -> None:
    """Nothing is read, and types are there."""
    table = pa.table(ROWS).slice(0, 0)
    for name in ("x.parquet", "x.arrow", "x.ipc"):
        WRITERS[name](table, tmp_path / name)
        frame = DataFrame.scan(tmp_path / name)
        assert frame.to_arrow() == table
        assert frame.filter(_.n > 1).count() == 0
        assert repr(frame).splitlines()[1:] == ["  n  int64", "  s  string"]


@pytest.mark.parametrize(
    ("files", "options", "kind", "text"),
    [
        ({"x.parquet": b"no"}, {}, ValueError, "x.parquet: cannot be read as parquet: "),
        ({"x.arrow": b"no"}, {}, ValueError, "x.arrow: cannot be read as arrow: "),
        ({"x.json": b"[\n1, 2]"}, {}, ValueError, "x.json: cannot be read as json: "),
        ({"x.csv": b""}, {}, ValueError, "x.csv: cannot be read as csv: Empty CSV file; if it is"),
        (
            {"x.dat": b"??"},
            {},
            ValueError,
            (
                "the format is not known by the name of x.dat: give format=, one of arrow, csv, "
                "json, "
                "parquet, tsv"
            ),
        ),
        (
            {"x.csv": b"n\n1", "y.jsonl": b'{"n":1}'},
            {},
            ValueError,
            "files of more than one format, x.csv and y.jsonl: scan a pattern such as *.csv",
        ),
        (
            {"x.csv": b"n\n1"},
            {"format": "xls"},
            ValueError,
            "format: expected one of arrow, csv, json, parquet, tsv, not 'xls'",
        ),
        (
            {"x.csv": b"n\n1", "y.csv": b"n\n2024-01-01\n"},
            {},
            ExpressionError,
            (
                'column "n" is int64 in {}/x.csv and date32[day] in {}/y.csv: scan them apart, '
                'or give one type: types={{"n": "string"}}'
            ),
        ),
        (
            {"x.csv": b"n,n\n1,2\n"},
            {},
            ExpressionError,
            (
                'x.csv: more than one column is named "n": a frame tells columns by name, so '
                "write the data with a name for each"
            ),
        ),
        (
            {"x.csv": b"amount\n1"},
            {"types": {"amout": "int64"}},
            ValueError,
            'types: no column "amout": did you mean "amount"?',
        ),
        (
            {"x.csv": b"n\n1"},
            {"types": {"n": "nubmer"}},
            ValueError,
            'Arrow has no type "nubmer"',
        ),
    ],
)
def test_what_is_no_frame_is_told(
    tmp_path: Path, files: dict[str, bytes], options: Any, kind: type[Exception], text: str
) -> None:
    """The error says which file it is, what is wrong with it, and what to do."""
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(kind) as raised:
        DataFrame.scan(tmp_path, **options)
    assert text.format(tmp_path, tmp_path) in str(raised.value)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_a_value_that_is_not_of_the_type_guessed_is_told(tmp_path: Path, name: str) -> None:
    """Types are guessed from the first lines: the error says how to give one."""
    rows = [{"number": n, "pad": "x" * 1000} for n in (*range(1200), "many")]
    text = "number,pad\n" + "".join(f"{row['number']},{row['pad']}\n" for row in rows)
    if name == "x.jsonl":
        text = "\n".join(map(json.dumps, rows))
    (tmp_path / name).write_text(text)
    frame = DataFrame.scan(tmp_path / name)
    with pytest.raises(ExpressionError) as raised:
        frame.to_arrow()
    told = str(raised.value)
    assert told.startswith(str(tmp_path / name))
    assert told.endswith(
        'guessed from the first lines: give the column\'s own, as in types={"name": "string"}'
    )


def test_directories_that_are_not_of_a_column_s_type_are_told(tmp_path: Path) -> None:
    """A name is a whole number only if it has 64 bits; one that is none is no value of a column."""
    for name in ("99999999999999999999", "2"):
        (tmp_path / f"id={name}").mkdir()
        pa.parquet.write_table(pa.table({"n": [1]}), tmp_path / f"id={name}" / "x.parquet")
    assert DataFrame.scan(tmp_path).collect()["id"].to_pylist() == ["2", "99999999999999999999"]
    (tmp_path / "n=many").mkdir()
    pa.parquet.write_table(pa.table({"n": [1]}), tmp_path / "n=many" / "x.parquet")
    with pytest.raises(
        ExpressionError, match=r"the directory says that \"n\" is 'many', and it is"
    ):
        DataFrame.scan(tmp_path).collect()
