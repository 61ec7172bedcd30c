"""How files of each format are read: a bounded number of bytes at a time."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Protocol, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.json
import pyarrow.parquet

from chalkcompute.frame.place import File

__all__ = ["Format", "LongRowError", "Wish", "format_of", "slim"]

#: Bytes that a batch has about, at most; one row is never divided.
BATCH_BYTES = 4 << 20
#: Rows that a batch has at most: more are no faster.
BATCH_ROWS = 1 << 16
#: Rows that are decoded to learn how wide they are: what dictionaries hold counts once in a file.
_PROBE_ROWS = 16
#: Bytes of each column that are read at once where a row group is not read whole.
_LOCAL_BUFFER_BYTES = 1 << 16
_REMOTE_BUFFER_BYTES = 1 << 20
#: Bytes of a remote row group up to which it is fetched whole, which spares round trips.
_WHOLE_BYTES = 32 << 20
#: Bytes of text that are read at once, up to how many where a row is longer, and by what they grow.
_TEXT_BYTES = 1 << 20
_LONGEST_ROW_BYTES = 64 << 20
_GROWTH = 8
#: What pyarrow says of a row that is longer than what is read at once.
_LONGER = "straddl"


#: Opens a text of which so many bytes are read at once.
_Opened: TypeAlias = "Callable[[int], contextlib.AbstractContextManager[Any]]"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a file.

    `columns` may lack in it, and have other types there; rows that do not fit `where`, which is
    over columns of `schema`, need not be given. Of a file that can be cut anywhere no batch has
    more than `rows`.
    """

    columns: pa.Schema
    where: pc.Expression | None
    schema: pa.Schema
    rows: int = sys.maxsize


class LongRowError(Exception):
    """Says that a row of a text is longer than what is read at once, at most."""


class Format(Protocol):
    """A format of files, by its name; `open_ended` where any row may have a new column."""

    name: str
    open_ended: bool

    def schema(self, file: File) -> pa.Schema:
        """Return the columns of a file, by reading a little of it."""
        ...

    def batches(self, file: File, wish: Wish) -> Iterator[pa.RecordBatch]:
        """Return what is there of the columns, of all rows that may be wanted, in order."""
        ...

    def count(self, file: File) -> int | None:
        """Return the number of rows, where the file tells it."""
        ...


class Parquet:
    """Row groups, of which a few pages at a time are decoded.

    A scan of pyarrow's datasets decodes a row group whole, which may be all of a file: so each
    row group that statistics let through is read as a stream.
    """

    name = "parquet"
    open_ended = False

    def schema(self, file: File) -> pa.Schema:
        with self._opened(file) as parquet:
            return parquet.schema_arrow

    def count(self, file: File) -> int | None:
        with self._opened(file) as parquet:
            return int(parquet.metadata.num_rows)

    def batches(self, file: File, wish: Wish) -> Iterator[pa.RecordBatch]:
        with self._opened(file) as parquet:
            there = set(parquet.schema_arrow.names)
            names = [name for name in wish.columns.names if name in there]
            rows = _probed(parquet, names) if file.local else BATCH_ROWS
            for number in self._groups(file, wish):
                group = parquet.metadata.row_group(number)
                fitting = _fitting(group.total_byte_size, group.num_rows)
                with self._reader(file, parquet, group.total_byte_size) as reader:
                    yield from reader.iter_batches(
                        batch_size=min(rows, fitting, wish.rows),
                        row_groups=[number],
                        columns=names,
                        use_threads=False,
                    )

    @classmethod
    @contextlib.contextmanager
    def _reader(
        cls, file: File, parquet: pyarrow.parquet.ParquetFile, size: int
    ) -> Iterator[pyarrow.parquet.ParquetFile]:
        """Return what reads a row group: a remote one at once, if it is not large."""
        if file.local or size > _WHOLE_BYTES:
            yield parquet
        else:
            with cls._opened(file, parquet.metadata, whole=True) as reader:
                yield reader

    def _groups(self, file: File, wish: Wish) -> list[int]:
        """Return the row groups that may have rows that are wanted."""
        form = pyarrow.dataset.ParquetFileFormat()
        # Its stubs know of fragments in general.
        made: Any = form.make_fragment(file.path, file.filesystem)
        if wish.where is None:
            return [group.id for group in made.row_groups]
        try:
            kept = made.split_by_row_group(wish.where, schema=wish.schema)
        except pa.ArrowException:  # its statistics are of another type
            kept = [made]
        return [group.id for each in kept for group in each.row_groups]

    @staticmethod
    def _opened(
        file: File, metadata: pyarrow.parquet.FileMetaData | None = None, *, whole: bool = False
    ) -> pyarrow.parquet.ParquetFile:
        buffer = _LOCAL_BUFFER_BYTES if file.local else _REMOTE_BUFFER_BYTES
        return pyarrow.parquet.ParquetFile(
            file.path,
            filesystem=file.filesystem,
            metadata=metadata,
            pre_buffer=whole,
            buffer_size=0 if whole else buffer,
        )


class Csv:
    """Lines with a header; types are guessed from the first block, 1 MB.

    An empty field is null, where it is not quoted; no word is.
    """

    open_ended = False
    _NULLS: ClassVar[dict[str, Any]] = {
        "null_values": [""],
        "strings_can_be_null": True,
        "quoted_strings_can_be_null": False,
    }

    def __init__(self, name: str = "csv", delimiter: str = ",") -> None:
        self.name = name
        self._parsing = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)

    def schema(self, file: File) -> pa.Schema:
        columns = pyarrow.csv.ConvertOptions(**self._NULLS)
        return _schema_of_text(lambda size: self._reader(file, columns, size))

    def count(self, file: File) -> int | None:
        return None

    def batches(self, file: File, wish: Wish) -> Iterator[pa.RecordBatch]:
        columns = pyarrow.csv.ConvertOptions(
            **self._NULLS,
            column_types=wish.columns,
            include_columns=wish.columns.names,
            include_missing_columns=True,
        )
        yield from _batches_of_text(lambda size: self._reader(file, columns, size))

    @contextlib.contextmanager
    def _reader(
        self, file: File, columns: pyarrow.csv.ConvertOptions, size: int
    ) -> Iterator[pyarrow.csv.CSVStreamingReader]:
        # With threads Arrow sometimes takes the rest of a long row for a row (seen with 26.0).
        reading = pyarrow.csv.ReadOptions(block_size=size, use_threads=False)
        with (
            _stream(file) as stream,
            pyarrow.csv.open_csv(stream, reading, self._parsing, columns) as reader,
        ):
            yield reader


class JsonLines:
    """One object a line; columns and their types are those of the first block, 1 MB."""

    name = "json"
    open_ended = True

    def schema(self, file: File) -> pa.Schema:
        return _schema_of_text(lambda size: self._reader(file, None, size))

    def count(self, file: File) -> int | None:
        return None

    def batches(self, file: File, wish: Wish) -> Iterator[pa.RecordBatch]:
        parsing = pyarrow.json.ParseOptions(
            explicit_schema=wish.columns, unexpected_field_behavior="ignore"
        )
        yield from _batches_of_text(lambda size: self._reader(file, parsing, size))

    @contextlib.contextmanager
    def _reader(
        self, file: File, parsing: pyarrow.json.ParseOptions | None, size: int
    ) -> Iterator[pa.RecordBatchReader]:
        # As for CSV: with threads rows were lost now and then.
        reading = pyarrow.json.ReadOptions(block_size=size, use_threads=False)
        with _stream(file) as stream, pyarrow.json.open_json(stream, reading, parsing) as reader:
            yield reader


class Ipc:
    """Arrow's own: a file, which feather is too, or a stream."""

    name = "arrow"
    open_ended = False
    _MAGIC = b"ARROW1"

    def schema(self, file: File) -> pa.Schema:
        with self._source(file) as source:
            return self._opened(source).schema

    def count(self, file: File) -> int | None:
        return None

    def batches(self, file: File, wish: Wish) -> Iterator[pa.RecordBatch]:
        with self._source(file) as source:
            schema = self._opened(source).schema
            wanted = set(wish.columns.names)
            there = [n for n, name in enumerate(schema.names) if name in wanted]
            source.seek(0)
            reader = self._opened(source, pa.ipc.IpcReadOptions(included_fields=there))
            if isinstance(reader, pa.ipc.RecordBatchFileReader):
                yield from (reader.get_batch(n) for n in range(reader.num_record_batches))
            else:
                yield from reader

    def _source(self, file: File) -> pa.NativeFile:
        # Mapped: what is read of a large batch is what is asked of it.
        if file.local:
            return pa.memory_map(file.path)
        return file.filesystem.open_input_file(file.path)

    def _opened(
        self, source: pa.NativeFile, options: pa.ipc.IpcReadOptions | None = None
    ) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
        magic = source.read(len(self._MAGIC))
        source.seek(0)
        if magic == self._MAGIC:
            return pa.ipc.open_file(source, options=options)
        return pa.ipc.open_stream(source, options=options)


_CSV, _TSV = Csv(), Csv("tsv", "\t")
_JSON, _IPC, _PARQUET = JsonLines(), Ipc(), Parquet()
#: By the ends of names, of which one for a compression may follow.
_ENDS: dict[str, Format] = {
    ".arrow": _IPC,
    ".arrows": _IPC,
    ".csv": _CSV,
    ".feather": _IPC,
    ".ipc": _IPC,
    ".json": _JSON,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
    ".tsv": _TSV,
}
_COMPRESSED = frozenset({".bz2", ".gz", ".lz4", ".zst"})
_BY_NAME: dict[str, Format] = {each.name: each for each in _ENDS.values()}
#: What files of a format begin with.
_BEGINS: dict[bytes, Format] = {b"PAR1": _PARQUET, b"ARROW1": _IPC}


def format_of(files: Sequence[File], text: str, name: str | None) -> tuple[Format, list[File]]:
    """Return the format that files have, the named one or by their names' ends, and those of it.

    Files of no known format are left out where there are others: directories have a README. Raise
    ValueError where no file is of a known format, or files are of two.
    """
    if name is not None:
        if name not in _BY_NAME:
            raise ValueError(f"format: expected one of {', '.join(_BY_NAME)}, not {name!r}")
        return _BY_NAME[name], list(files)
    by_format: dict[Format, list[File]] = {}
    for file in files:
        form = _ENDS.get(_end(file.path)) or (_begun(file) if len(files) == 1 else None)
        if form is not None:
            by_format.setdefault(form, []).append(file)
    if not by_format:
        raise ValueError(
            f"{text}: the format is not known by the name of {os.path.basename(files[0].path)}: "
            f"give format=, one of {', '.join(_BY_NAME)}"
        )
    if len(by_format) > 1:
        first, second, *_ = by_format.values()
        raise ValueError(
            f"{text}: files of more than one format, {os.path.basename(first[0].path)} and "
            f"{os.path.basename(second[0].path)}: scan a pattern such as *{_end(first[0].path)}"
        )
    return next(iter(by_format.items()))


def slim(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Return slices of a batch that have BATCH_BYTES and BATCH_ROWS at most."""
    rows = _fitting(batch.nbytes, batch.num_rows)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows) if rows < batch.num_rows else batch


def _fitting(size: int, rows: int) -> int:
    """Return how many of rows that have `size` bytes together make a batch."""
    return max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, size)))


def _probed(parquet: pyarrow.parquet.ParquetFile, names: list[str]) -> int:
    """Return how many rows like the first few make a batch."""
    for batch in parquet.iter_batches(batch_size=_PROBE_ROWS, columns=names, use_threads=False):
        return _fitting(batch.nbytes, batch.num_rows)
    return BATCH_ROWS


def _stream(file: File) -> IO[Any]:
    """Return the bytes of a file, unpacked where its name says that they are packed."""
    return cast("IO[Any]", file.filesystem.open_input_stream(file.path))


def _schema_of_text(opened: _Opened) -> pa.Schema:
    """Return the columns of a text, by its beginning, which has a whole row."""
    size = _TEXT_BYTES
    while True:
        try:
            with opened(size) as reader:
                schema: pa.Schema = reader.schema
                return schema
        except pa.ArrowInvalid as problem:
            size = _grown(size, problem)


def _batches_of_text(opened: _Opened) -> Iterator[pa.RecordBatch]:
    """Return the rows of a text, of which more is read at once where a row is longer."""
    size, given = _TEXT_BYTES, 0
    while True:
        passed = 0
        try:
            with opened(size) as reader:
                for batch in reader:
                    rest = batch[max(0, given - passed) :]
                    passed += len(batch)
                    given += len(rest)
                    if len(rest):
                        yield rest
            return
        except pa.ArrowInvalid as problem:
            size = _grown(size, problem)


def _grown(size: int, problem: pa.ArrowInvalid) -> int:
    """Return how many bytes to read at once instead; raise where more of them are no remedy."""
    if _LONGER not in str(problem):
        raise problem
    if size >= _LONGEST_ROW_BYTES:
        raise LongRowError(
            f"a row has more than {_LONGEST_ROW_BYTES >> 20} MiB, or a quote in it is not closed"
        ) from problem
    return min(size * _GROWTH, _LONGEST_ROW_BYTES)


def _end(path: str) -> str:
    """Return the end of a name that tells its format, in small letters."""
    rest, end = os.path.splitext(path.lower())
    return os.path.splitext(rest)[1] if end in _COMPRESSED else end


def _begun(file: File) -> Format | None:
    """Return the format of a file by its first bytes."""
    with file.filesystem.open_input_stream(file.path) as stream:
        begin = stream.read(max(map(len, _BEGINS)))
    return next((form for magic, form in _BEGINS.items() if begin.startswith(magic)), None)
