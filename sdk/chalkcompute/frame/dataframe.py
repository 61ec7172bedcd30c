"""`DataFrame`: rows of files or tables, what is computed of them, and where they go."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from chalkcompute.frame.node import Column, Node
from chalkcompute.frame.plan import Filter, Limit, OnError, Plan, Project, Step, passed

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa

    from chalkcompute.frame.shape import Shape
    from chalkcompute.frame.source import Source

__all__ = ["DataFrame"]


class DataFrame:
    """Rows that are read, and columns that are computed, when somebody asks for them.

    Lazy and immutable: each method returns another frame, and nothing runs before an end:
    `collect`, `to_arrow`, `to_pandas`, `to_polars`, `to_batches`, `write_parquet`, `count`, or
    iteration. Each end runs anew. All but the `to_*` of whole tables stream, a few MB at a time.
    Rows keep their order.

    A method raises NotFoundError for a column that is not there, and ExpressionError where types
    do not fit. An end raises ExpressionError for a value that cannot be computed, ValueError or
    OSError where a file cannot be read, and what the first call raised that failed, with its
    number from 0 as `row`, and its arguments as `value`.
    """

    __slots__ = ("_plan", "_shape")
    _plan: Plan
    _shape: Shape

    def __init__(self) -> None:
        raise TypeError(
            "DataFrame is made by .scan(path), .from_arrow, .from_pandas, .from_polars or "
            ".from_pydict"
        )

    @classmethod
    def _of(cls, plan: Plan, shape: Shape) -> DataFrame:
        frame = object.__new__(cls)
        frame._plan = plan
        frame._shape = shape
        return frame

    @classmethod
    def _from(cls, source: Source) -> DataFrame:
        from chalkcompute.frame.shape import Shape

        return cls._of(Plan(source), Shape(source.schema))

    @classmethod
    def scan(
        cls,
        path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        format: Literal["parquet", "csv", "tsv", "json", "arrow"] | None = None,  # noqa: A002
        types: Mapping[str, object] | None = None,
    ) -> DataFrame:
        """Return a frame of files: Parquet, CSV with a header, JSON lines, Arrow or Feather.

        `path` is a file, a directory (with all below it, whose `year=2024` are columns; files
        of unknown formats and names that begin with _ or . are left out), a glob (`**` for any
        directories), a URL (`s3://`, `gs://`, `file://`, whatever fsspec knows), or a list of
        these. `format` says what names do not. `types` are those of columns that are not to
        be guessed, `{"zip": "string"}`, and of JSON also of keys that its first megabyte lacks,
        which are no columns otherwise. A column that only some files have is null in others,
        and so is an empty field of CSV that is not quoted.

        Raises FileNotFoundError where there is no file, ValueError for files that cannot be
        read, ExpressionError where one column has types that do not fit.
        """
        from chalkcompute.frame import place, source

        return cls._from(source.files(place.found(path), format, types))

    @classmethod
    def from_arrow(cls, data: Any) -> DataFrame:
        """Return a frame of a `pyarrow.Table`, a record batch, or what exports Arrow's stream.

        A reader, which can be read but once, is read at once. Raises TypeError for whatever else.
        """
        from chalkcompute.frame import inmemory

        return cls._from(inmemory.of_arrow(data))

    @classmethod
    def from_pandas(cls, frame: pandas.DataFrame) -> DataFrame:
        """Return a frame of one of pandas; levels of its index that have names are columns.

        Raises TypeError for whatever else, ValueError where a column has values of no one type.
        """
        from chalkcompute.frame import inmemory

        return cls._from(inmemory.of_pandas(frame))

    @classmethod
    def from_polars(cls, frame: polars.DataFrame) -> DataFrame:
        """Return a frame of one of polars; a lazy one, a TypeError, is to be collected before."""
        from chalkcompute.frame import inmemory

        return cls._from(inmemory.of_polars(frame))

    @classmethod
    def from_pydict(cls, columns: Mapping[str, Sequence[Any]]) -> DataFrame:
        """Return a frame of lists of equal length, by the names of columns.

        Raises ValueError for other lengths, and for values of no one type.
        """
        from chalkcompute.frame import inmemory

        return cls._from(inmemory.of_pydict(columns))

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns.

        Servers are asked what called functions return; one that is not deployed yet is deployed.
        Raises ExpressionError where a function does not say it.
        """
        shape = self._known()
        if shape.unknown:
            from chalkcompute.errors import ExpressionError

            name = min(shape.unknown)
            raise ExpressionError(
                f'the type of "{name}" is known only once it runs: annotate what the function '
                "returns, or .cast(...) the call"
            )
        return shape.schema

    @property
    def columns(self) -> list[str]:
        """Names of the columns, in their order."""
        return list(self._plan.names)

    def project(
        self,
        columns: Mapping[str, object] | None = None,
        /,
        *,
        on_error: OnError = "raise",
        **named: object,
    ) -> DataFrame:
        """Return a frame of the columns that are given, expressions or constants, by name.

        `on_error` says what becomes of a row whose call fails: it raises, it is null, or, with
        "keep", null with the error as text in a column `<name>_error`.
        """
        nodes = self._nodes("project", columns, named)
        return self._projected(nodes, on_error)

    def with_columns(
        self,
        columns: Mapping[str, object] | None = None,
        /,
        *,
        on_error: OnError = "raise",
        **named: object,
    ) -> DataFrame:
        """Return a frame with more columns, or others in place of those of equal names.

        `on_error` as in `project`.
        """
        nodes = self._nodes("with_columns", columns, named)
        return self._projected({**passed(self.columns), **nodes}, on_error)

    def filter(self, *conditions: object) -> DataFrame:
        """Return a frame of the rows for which all conditions are true, not null."""
        if not conditions:
            raise TypeError("filter: expected a condition, such as _.amount > 10")
        return self._then(*(Filter(_node("filter", each)) for each in conditions))

    def limit(self, rows: int) -> DataFrame:
        """Return a frame of the first rows; no more are read, nor functions called on more."""
        if isinstance(rows, bool) or not isinstance(rows, int):
            raise TypeError(f"limit: expected a number of rows, not {rows!r}")
        if rows < 0:
            raise ValueError(f"limit: expected 0 rows or more, not {rows}")
        return self._then(Limit(rows))

    def rename(self, names: Mapping[str, str]) -> DataFrame:
        """Return a frame in which columns have other names: {old: new}."""
        if not isinstance(names, Mapping):
            raise TypeError(f"rename: expected {{old: new}}, not {_kind(names)}")
        self._check(names)
        columns: dict[str, Node] = {}
        for name in self.columns:
            new = names.get(name, name)
            if not isinstance(new, str):
                raise TypeError(f"rename: a name is a string, not {new!r}")
            if new in columns:
                raise ValueError(f'rename: two columns would be named "{new}": drop one of them')
            columns[new] = Column(name)
        return self._then(Project(columns))

    def drop(self, *names: str) -> DataFrame:
        """Return a frame without columns."""
        self._check(names)
        return self._selected("drop", [name for name in self.columns if name not in names])

    def select(self, *names: str) -> DataFrame:
        """Return a frame of columns of it, in the order in which they are named."""
        self._check(names)
        return self._selected("select", names)

    def collect(self) -> pa.Table:
        """Return all rows as a `pyarrow.Table`."""
        import pyarrow as pa

        with contextlib.closing(self._run()) as stream:
            batches = list(stream)
        if not batches:
            return self._known().schema.empty_table()
        return pa.Table.from_batches(batches)

    def to_arrow(self) -> pa.Table:
        """Return all rows as a `pyarrow.Table`."""
        return self.collect()

    def to_pandas(self) -> pandas.DataFrame:
        """Return all rows as a frame of pandas, which must be installed."""
        from chalkcompute.frame import sink

        return sink.to_pandas(self.collect())

    def to_polars(self) -> polars.DataFrame:
        """Return all rows as a frame of polars, which must be installed."""
        from chalkcompute.frame import sink

        return sink.to_polars(self.collect())

    def to_batches(self) -> Iterator[pa.RecordBatch]:
        """Return the rows as record batches of a few MB, as they come; none is empty.

        Closing the iterator cancels what is in flight; so does an error, or Ctrl-C.
        """
        return self._run()

    def write_parquet(self, path: str | os.PathLike[str]) -> int:
        """Write the rows to a Parquet file, a path or a URL; return how many there are.

        The file is there when all of it is: it is written beside its place, under another
        name, and replaces what is there. Compressed by zstd, in row groups of up to 64 MB and
        131,072 rows.

        Raises FileNotFoundError or IsADirectoryError, before anything is computed, where no
        file can be, and ExpressionError for a type that Parquet has not got.
        """
        from chalkcompute.frame import sink

        with contextlib.closing(self._run()) as stream:
            return sink.write_parquet(path, stream, lambda: self._known().schema)

    def count(self) -> int:
        """Return the number of rows; nothing is called, nor read, that does not decide it."""
        from chalkcompute.frame import route, running

        counted = route.routed(self._plan, [])
        known = counted.count()
        if known is not None:
            return known
        with contextlib.closing(running.batches(counted)) as stream:
            return sum(batch.num_rows for batch in stream)

    def explain(self) -> str:
        """Return as text how it runs: what the scan reads and filters, which calls follow."""
        from chalkcompute.frame import picture, route

        return picture.explained(route.routed(self._plan))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        from chalkcompute.frame import sink

        with contextlib.closing(self._run()) as stream:
            yield from sink.rows(stream)

    def __len__(self) -> NoReturn:
        raise TypeError("a DataFrame has no len(), which would have to read it: see .count()")

    def __bool__(self) -> NoReturn:
        raise TypeError("a DataFrame is neither true nor false: see .count()")

    def __getitem__(self, name: object) -> NoReturn:
        raise TypeError(f"columns are taken by .select({name!r}), rows by .limit(n) and .filter")

    def __repr__(self) -> str:
        from chalkcompute.frame import picture

        return picture.text(self._plan, self._shape)

    def _repr_html_(self) -> str:
        from chalkcompute.frame import picture

        return picture.html(self._plan, self._shape)

    def _run(self) -> Generator[pa.RecordBatch, None, None]:
        from chalkcompute.frame import route, running

        return running.batches(route.routed(self._plan))

    def _known(self) -> Shape:
        """Return the shape with what servers tell of the types of calls."""
        if not self._shape.unknown:
            return self._shape
        from chalkcompute.frame.calling import result_type
        from chalkcompute.frame.shape import shaped

        return shaped(self._plan, result_type)

    def _then(self, *steps: Step) -> DataFrame:
        return self._of(self._plan.then(*steps), self._shape.after(steps))

    def _projected(self, columns: dict[str, Node], on_error: OnError) -> DataFrame:
        if on_error not in get_args(OnError):
            raise ValueError(f'on_error: expected "raise", "null" or "keep", not {on_error!r}')
        step = Project(columns, on_error)
        for name in columns:
            error = step.error_column(name)
            if error is not None and error in columns:
                raise ValueError(
                    f'two columns would be named "{error}": it is for the errors of "{name}"'
                )
        return self._then(step)

    def _selected(self, verb: str, names: Sequence[str]) -> DataFrame:
        if not names:
            raise ValueError(f"{verb}: no column would be left")
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f'{verb}: "{twice[0]}" is named more than once')
        return self._then(Project(passed(names)))

    def _nodes(
        self, verb: str, columns: Mapping[str, object] | None, named: Mapping[str, object]
    ) -> dict[str, Node]:
        """Return the trees of expressions by name."""
        if columns is not None and not isinstance(columns, Mapping):
            raise TypeError(f"{verb}: expected names and expressions, not {_kind(columns)}")
        columns = columns or {}
        twice = named.keys() & columns.keys()
        if twice:
            raise ValueError(f'{verb}: "{min(twice)}" is given more than once')
        both = {**columns, **named}
        if not both:
            raise ValueError(f"{verb}: expected at least one column, as {verb}(total=_.a + _.b)")
        for name in both:
            if not isinstance(name, str):
                raise TypeError(f"{verb}: the name of a column is a string, not {name!r}")
        return {name: _node(f"{verb}({name}=...)", value) for name, value in both.items()}

    def _check(self, names: Mapping[str, Any] | Sequence[str]) -> None:
        """Raise where a column of a name is not there."""
        from chalkcompute.frame import compiled

        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"the name of a column is a string, not {name!r}")
        compiled.schema_of(passed(names), self._shape.schema)


def _node(what: str, value: object) -> Node:
    """Return the tree of an expression or a constant."""
    from chalkcompute.frame.expression import node_of

    try:
        return node_of(value)
    except TypeError as problem:
        raise TypeError(f"{what}: {problem}") from problem


def _kind(value: object) -> str:
    """Return the name of a value's type."""
    return type(value).__name__
