"""Where rows of a frame go: tables, other libraries' frames, Python's dicts, Parquet files."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet
from pyarrow import fs

from chalkcompute.errors import ExpressionError
from chalkcompute.frame.place import opened, public

if TYPE_CHECKING:
    import pandas
    import polars

__all__ = ["rows", "to_pandas", "to_polars", "write_parquet"]

#: Up to which a row group is gathered, whichever comes first. All of one lies in memory.
_GROUP_BYTES = 64 << 20
_GROUP_ROWS = 1 << 17


def rows(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """Return each row as a dict, by the names of columns."""
    for batch in batches:
        names = batch.schema.names
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield dict(zip(names, values, strict=True))


def to_pandas(table: pa.Table) -> pandas.DataFrame:
    """Return a table as a frame of pandas."""
    _installed("pandas")
    return table.to_pandas()


def to_polars(table: pa.Table) -> polars.DataFrame:
    """Return a table as a frame of polars."""
    _installed("polars")
    import polars

    frame = polars.from_arrow(table)
    assert isinstance(frame, polars.DataFrame)
    return frame


def write_parquet(
    where: str | os.PathLike[str], batches: Iterator[pa.RecordBatch], empty: Any
) -> int:
    """Write a file, which is there whole or not at all; return its number of rows.

    `empty` returns the schema of a file without rows.
    """
    path = os.fspath(where) if isinstance(where, str | os.PathLike) else where
    if not isinstance(path, str):
        raise TypeError(f"write_parquet: expected a path or a URL, not {where!r}")
    if not path:
        raise ValueError("write_parquet: the path is empty")
    filesystem, target = opened(path)
    if isinstance(filesystem, fs.LocalFileSystem):
        target = os.path.realpath(target)
    _check(filesystem, target, public(path))
    folder, _, name = target.rpartition("/")
    part = f".{name}.{secrets.token_hex(4)}.part"
    part = f"{folder}/{part}" if folder or target.startswith("/") else part
    try:
        count = _written(filesystem, part, batches, empty)
        filesystem.move(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            filesystem.delete_file(part)
        raise
    return count


def _check(filesystem: fs.FileSystem, target: str, path: str) -> None:
    """Raise where no file can be written, before anything is computed."""
    if path.endswith("/") or filesystem.get_file_info(target).type is fs.FileType.Directory:
        raise IsADirectoryError(f"{path}: is a directory: name a file in it, as out.parquet")
    if isinstance(filesystem, fs.LocalFileSystem):
        folder = os.path.dirname(target)
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"{path}: there is no directory {folder}: make it first")
        if os.path.exists(target) and not os.path.isfile(target):
            raise FileExistsError(f"{path}: is a device, a pipe or a socket: name a file")


def _written(
    filesystem: fs.FileSystem, part: str, batches: Iterator[pa.RecordBatch], empty: Any
) -> int:
    """Write row groups as batches come; return the number of rows."""
    count = 0
    writer: pyarrow.parquet.ParquetWriter | None = None
    try:
        with filesystem.open_output_stream(part) as stream:
            try:
                for group in _groups(batches):
                    if writer is None:
                        writer = _writer(stream, group.schema)
                    writer.write_table(group, row_group_size=group.num_rows)
                    count += group.num_rows
                if writer is None:
                    writer = _writer(stream, empty())
                writer.close()
            except BaseException:
                # One that is left open writes, later, to a stream that is closed.
                if writer is not None:
                    with contextlib.suppress(Exception):
                        writer.close()
                raise
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as problem:
        raise ExpressionError(
            f"Parquet cannot hold a column of the frame: {problem}: .cast(...) or .drop(...) it"
        ) from problem
    return count


def _writer(stream: pa.NativeFile, schema: pa.Schema) -> pyarrow.parquet.ParquetWriter:
    return pyarrow.parquet.ParquetWriter(stream, schema, compression="zstd")


def _groups(batches: Iterator[pa.RecordBatch]) -> Generator[pa.Table, None, None]:
    """Return batches gathered into tables of the size of a row group, up to one batch more."""
    gathered: list[pa.RecordBatch] = []
    size = number = 0
    for batch in batches:
        gathered.append(batch)
        size, number = size + batch.nbytes, number + batch.num_rows
        if size >= _GROUP_BYTES or number >= _GROUP_ROWS:
            yield pa.Table.from_batches(gathered)
            gathered, size, number = [], 0, 0
    if gathered:
        yield pa.Table.from_batches(gathered)


def _installed(name: str) -> None:
    """Raise ImportError that says what to do where a library is not installed."""
    try:
        __import__(name)
    except ImportError as problem:
        raise ImportError(f"{name} is not installed: `pip install {name}`") from problem
