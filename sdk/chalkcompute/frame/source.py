"""What a frame is made of: files, read a little at a time, or what lies in memory."""

from __future__ import annotations

import contextlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

from chalkcompute.errors import ExpressionError
from chalkcompute.frame import compiled
from chalkcompute.frame.datatype import named
from chalkcompute.frame.format import Format, LongRowError, Wish, format_of, slim
from chalkcompute.frame.making import Making
from chalkcompute.frame.near import near
from chalkcompute.frame.place import File, Found

__all__ = ["Files", "SAMPLE_ROWS", "Source", "files", "plain"]

#: Files whose columns are looked at when a frame is made; of more, the first ones.
_LOOKED_AT = 64
#: Of these, files that are looked at in the same moment.
_AT_ONCE = 16
#: What readers of text say of a value that is not of its column's type.
_OTHER_TYPE = re.compile(r"[Cc]onver|Column\(/")
#: The names of directories that are whole numbers, as Arrow has them.
_WHOLE = re.compile(r"[0-9]{1,18}")
#: Rows that a sample has at most.
SAMPLE_ROWS = 64


_T = TypeVar("_T")


class Source(Protocol):
    """Rows of a schema, which can be read again and again."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        ...

    def batches(self, making: Making) -> Iterator[pa.RecordBatch]:
        """Return what is made of the rows, in their order, in batches of a few MB at most."""
        ...

    def count(self) -> int | None:
        """Return the number of rows, where that costs little."""
        ...

    def sample(self) -> pa.RecordBatch | None:
        """Return a few rows from the beginning, where they cost next to nothing."""
        ...

    def text(self, *, short: bool = False) -> str:
        """Return what it is in one line."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """Files of one format, read one after the other."""

    name: str
    files: tuple[File, ...]
    format: Format
    schema: pa.Schema

    def batches(self, making: Making) -> Iterator[pa.RecordBatch]:
        where = self._condition(making)
        for file in self._kept(where):
            for batch in self._read(file, list(making.needed), where):
                for part in slim(batch):
                    made = making.of(part)
                    if made.num_rows:
                        yield made

    def count(self) -> int | None:
        if len(self.files) > _LOOKED_AT:
            return None
        counts = _each(self.format.count, self.files, self.format)
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def sample(self) -> pa.RecordBatch | None:
        if not self.files[0].local:
            return None
        few = self._read(self.files[0], self.schema.names, None, SAMPLE_ROWS)
        with contextlib.closing(few) as batches:
            first = next(batches, None)
            return None if first is None else first.slice(0, SAMPLE_ROWS)

    def text(self, *, short: bool = False) -> str:
        if short:
            return self.name
        number = len(self.files)
        what = f"{self.name} ({self.format.name}, {number:,} file{'s' if number > 1 else ''}"
        local = self.files[0].local
        count = self.count() if local else None
        return what + (")" if count is None else f", {count:,} rows)")

    def _condition(self, making: Making) -> pc.Expression | None:
        """Return what rows must pass, as far as statistics may be asked of it."""
        whole: pc.Expression | None = None
        for each in compiled.compiled(making.where, self.schema):
            whole = each if whole is None else whole & each
        return whole

    def _kept(self, where: pc.Expression | None) -> list[File]:
        """Return the files whose directories' names do not tell that no row is wanted."""
        if where is None or not any(file.keys for file in self.files):
            return list(self.files)
        dataset = pyarrow.dataset.FileSystemDataset.from_paths(
            [str(n) for n in range(len(self.files))],
            schema=self.schema,
            format=pyarrow.dataset.IpcFileFormat(),
            filesystem=self.files[0].filesystem,
            partitions=[self._stated(file) for file in self.files],
        )
        return [self.files[int(each.path)] for each in dataset.get_fragments(filter=where)]

    def _stated(self, file: File) -> pc.Expression:
        """Return what is true of all rows of a file by its directories."""
        whole = pc.scalar(True)
        for key, value in self._constants(file).items():
            field = pc.field(key)
            whole = whole & (field == value if value.is_valid else field.is_null())
        return whole

    def _constants(self, file: File) -> dict[str, pa.Scalar[Any]]:
        """Return what the names of a file's directories say. Raise ExpressionError."""
        found: dict[str, pa.Scalar[Any]] = {}
        for key, value in file.keys:
            kind = self.schema.field(key).type
            try:
                found[key] = pa.scalar(value, pa.string()).cast(kind)
            except pa.ArrowException as problem:
                raise ExpressionError(
                    f'{file.path}: the directory says that "{key}" is {value!r}, and it is {kind} '
                    f'in the frame: rename one, or give its type: types={{"{key}": "string"}}'
                ) from problem
        return found

    def _read(
        self,
        file: File,
        names: list[str],
        where: pc.Expression | None,
        rows: int = sys.maxsize,
    ) -> Generator[pa.RecordBatch, None, None]:
        """Return the columns of the names of one file, as the frame has them."""
        constants = self._constants(file)
        # Without any column a reader would not tell how many rows there are.
        there = [name for name in self.schema.names if name not in constants]
        asked = [name for name in names if name not in constants] or there[:1]
        columns = pa.schema([self.schema.field(name) for name in asked])
        wish = Wish(columns, where, self.schema, rows)
        schema = pa.schema([self.schema.field(name) for name in (*asked, *constants)])
        with _reading(file, self.format):
            for batch in self.format.batches(file, wish):
                yield _fitted(batch, schema, constants, file.path)


def files(found: Found, name: str | None, types: Mapping[str, object] | None) -> Files:
    """Return files with the columns that all of them together have.

    `name` is that of the format, where their names do not tell it; `types` are those of columns
    that are not to be guessed. Raise ValueError for a file that is not of the format,
    ExpressionError for files whose columns do not fit.
    """
    form, kept = format_of(found.files, found.text, name)
    looked_at = kept[:_LOOKED_AT]
    schemas = _each(form.schema, looked_at, form)
    schema = plain(schemas[0], kept[0].path)
    for file, own in zip(looked_at[1:], schemas[1:], strict=True):
        schema = _united(schema, plain(own, file.path), kept[0].path, file.path)
    for file in kept:
        for key, _ in file.keys:
            if key not in schema.names:
                schema = schema.append(pa.field(key, _key_type(key, kept)))
    return Files(found.text, tuple(kept), form, _typed(schema, types or {}, form))


def _each(look: Callable[[File], _T], some: Sequence[File], form: Format) -> list[_T]:
    """Return what `look` tells of each file; several at once, since some are far away."""

    def told(file: File) -> _T:
        with _reading(file, form):
            return look(file)

    if len(some) == 1:
        return [told(some[0])]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(told, some))


def _typed(schema: pa.Schema, types: Mapping[str, object], form: Format) -> pa.Schema:
    """Return a schema in which columns have the types that a user gave them."""
    for name, what in types.items():
        field = pa.field(name, named(what))
        if name in schema.names:
            schema = schema.set(schema.get_field_index(name), field)
        elif form.open_ended:
            schema = schema.append(field)
        else:
            raise ValueError(f'types: no column "{name}": {near(name, schema.names, "columns")}')
    return schema


def plain(schema: pa.Schema, text: str) -> pa.Schema:
    """Return a schema as frames have it: no name twice, no views, nulls everywhere."""
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise ExpressionError(
            f'{text}: more than one column is named "{min(twice)}": a frame tells columns by name, '
            "so write the data with a name for each"
        )
    whole: dict[pa.DataType, pa.DataType] = {
        pa.string_view(): pa.large_string(),
        pa.binary_view(): pa.large_binary(),
    }
    return pa.schema([(each.name, whole.get(each.type, each.type)) for each in schema])


def _united(one: pa.Schema, other: pa.Schema, first: str, second: str) -> pa.Schema:
    """Return the columns of both; of numbers the wider type."""
    try:
        return pa.unify_schemas([one, other], promote_options="permissive")
    except pa.ArrowException as problem:
        name = next(
            name
            for name in one.names
            if name in other.names and not _unite(one.field(name), other.field(name))
        )
        raise ExpressionError(
            f'column "{name}" is {one.field(name).type} in {first} and {other.field(name).type} '
            f'in {second}: scan them apart, or give one type: types={{"{name}": "string"}}'
        ) from problem


def _unite(one: pa.Field[Any], other: pa.Field[Any]) -> bool:
    """Tell whether two columns have a type in common."""
    try:
        pa.unify_schemas([pa.schema([one]), pa.schema([other])], promote_options="permissive")
    except pa.ArrowException:
        return False
    return True


def _key_type(key: str, kept: list[File]) -> pa.DataType:
    """Return the type of what the directories of a key are named: whole numbers, or strings."""
    values = [value for file in kept for name, value in file.keys if name == key]
    whole = all(value is None or _WHOLE.fullmatch(value) for value in values)
    return pa.int64() if whole else pa.string()


def _fitted(
    batch: pa.RecordBatch, schema: pa.Schema, constants: Mapping[str, pa.Scalar[Any]], path: str
) -> pa.RecordBatch:
    """Return the columns of a schema: nulls where the file lacks one, cast where types differ."""
    if batch.schema.equals(schema):
        return batch
    arrays: list[pa.Array[Any]] = []
    for field in schema:
        number = batch.schema.get_field_index(field.name)
        if field.name in constants:
            constant: Any = constants[field.name]
            arrays.append(pa.repeat(constant, batch.num_rows))
        elif number < 0:
            arrays.append(pa.nulls(batch.num_rows, field.type))
        else:
            arrays.append(_as(batch.column(number), field, path))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as(values: pa.Array[Any], field: pa.Field[Any], path: str) -> pa.Array[Any]:
    """Return values as the type of a field."""
    if values.type == field.type:
        return values
    try:
        return values.cast(field.type)
    except pa.ArrowException as problem:
        raise ExpressionError(
            f'column "{field.name}" is {values.type} in {path}, and {field.type} in the frame: '
            f"{problem}"
        ) from problem


@contextlib.contextmanager
def _reading(file: File, form: Format) -> Iterator[None]:
    """Say of what goes wrong with the bytes of a file which file it is, and what may help."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as problem:
        told = str(problem).rstrip(".")
        if _OTHER_TYPE.search(told):
            raise ExpressionError(
                f"{file.path}: {told}: types are guessed from the first lines: give the column's "
                'own, as in types={"name": "string"}'
            ) from problem
        raise ValueError(
            f"{file.path}: cannot be read as {form.name}: {told}; if it is of another format, "
            "give format="
        ) from problem
    except LongRowError as problem:
        raise ValueError(f"{file.path}: {problem}") from problem
    except OSError as problem:
        if problem.errno is not None:  # the system's own, which tells the path
            raise
        raise OSError(f"{file.path}: {str(problem).rstrip('.')}") from problem
