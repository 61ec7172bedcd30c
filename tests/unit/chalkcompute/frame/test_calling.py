"""Functions called for each row of a stream of batches."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import chalkcompute
from chalkcompute import RemoteFunction, errors
from chalkcompute.errors import ExpressionError
from chalkcompute.frame import calling
from chalkcompute.frame.calling import Errand, call_each, result_type
from chalkcompute.frame.columns import Columns
from fnq_wire.failure import make
from fnq_wire.pieces import Payload
from tests.unit.chalkcompute.rowsession import Entry, RowSession


class Color(enum.Enum):
    """An Enum."""

    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    """A dataclass with another type in each field."""

    x: int
    name: str | None = None


@pytest.fixture
def session() -> RowSession:
    """Return the session that calls of this test go through."""
    return RowSession()


def frames(values: Iterable[Any], size: int = 1_000) -> Iterator[pa.RecordBatch]:
    """Yield batches of values in column "n", the row's number beside each."""
    numbers = itertools.count()
    rest = iter(values)
    while chunk := list(itertools.islice(rest, size)):
        yield pa.record_batch({"row": [next(numbers) for _ in chunk], "n": chunk})


def called(values: Iterable[Any], function: Any, **more: Any) -> pa.Table:
    """Return rows with the results of a function of column "n"."""
    errand = Errand(function, ("n",), **more)
    return pa.Table.from_batches(call_each(frames(values), errand))


@pytest.mark.parametrize("named", [False, True])
def test_results_stand_beside_their_rows(session: RowSession, named: bool) -> None:
    """In order, typed by the annotation, whoever deployed the function."""

    @chalkcompute.function
    def upper(text: str) -> str:
        return text.upper()

    upper.wait_ready()
    table = called(
        (f"x{n}" for n in range(50_000)), RemoteFunction.from_name("upper") if named else "upper"
    )
    assert table.schema.types == [pa.int64(), pa.string(), pa.string()]
    assert table["row"].to_pylist() == list(range(50_000))
    assert table["result"].to_pylist() == [f"X{n}" for n in range(50_000)]
    assert max(session.sizes) > 500


def returns(annotation: Any, values: list[Any]) -> Any:
    """Return a function of a number that has one of the values for each."""

    def pick(n: int) -> Any:
        return values[n]

    if annotation is not None:
        pick.__annotations__["return"] = annotation
    else:
        del pick.__annotations__["return"]
    return chalkcompute.function(pick)


@pytest.mark.parametrize(
    ("annotation", "values", "kind", "column"),
    [
        (int, [1, None, 3], pa.int64(), None),
        (float, [1, 2.5, None], pa.float64(), [1.0, 2.5, None]),
        (str, ["a", "ö"], pa.string(), None),
        (list[int], [[1], [], None], pa.list_(pa.int64()), None),
        (dict[str, int], [{"a": 1}, {}], pa.map_(pa.string(), pa.int64()), [[("a", 1)], []]),
        (datetime.date, [datetime.date(2020, 1, 2)], pa.date32(), None),
        (tuple[int, str], [(1, "a"), None], pa.struct([("0", pa.int64()), ("1", pa.string())]),
         [{"0": 1, "1": "a"}, None]),
        (Point, [Point(1, "a"), Point(2)], pa.struct([("x", pa.int64()), ("name", pa.string())]),
         [{"x": 1, "name": "a"}, {"x": 2, "name": None}]),
        (Color, [Color.RED, None], pa.string(), ["RED", None]),
        (None, [None, None, 3], pa.int64(), None),
        (None, [None, None], pa.null(), None),
        (None, [1.5, 2], pa.float64(), [1.5, 2.0]),
        (None, [{1, 2}], pa.list_(pa.int64()), [[1, 2]]),
        (None, [[], None, [1]], pa.list_(pa.int64()), None),
        (None, [[[]], [[1]]], pa.list_(pa.list_(pa.int64())), None),
        (None, [[], None], pa.list_(pa.null()), None),
        (None, [np.arange(2), np.arange(3)], pa.list_(pa.int64()), [[0, 1], [0, 1, 2]]),
    ],
)  # fmt: skip
def test_results_have_the_type_that_is_declared_or_that_of_the_first(
    session: RowSession, annotation: Any, values: list[Any], kind: Any, column: Any
) -> None:
    """Objects are structs; what is null before there is a type is null of that type."""
    pick = returns(annotation, values)
    table = called(range(len(values)), pick)
    assert table["result"].to_pylist() == (values if column is None else column)
    assert table.schema.field("result").type == kind
    if annotation is not None:
        assert result_type(pick) == kind
        assert result_type(RemoteFunction.from_name("pick")) == kind
    else:
        assert result_type(pick) is None


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.decimal128(10, 2), [decimal.Decimal("0.25"), decimal.Decimal(3), None]),
        (pa.uint64(), [2**63, 1, None]),
        (pa.timestamp("ns"), [pd.Timestamp(1), pd.Timestamp("2024-01-01"), None]),
        (pa.timestamp("us"), [pd.NaT, pd.Timestamp("2024-01-01"), pd.NA]),
        (pa.list_(pa.timestamp("us")), [[pd.NaT], [pd.Timestamp("2024-01-01")]]),
        (pa.duration("ns"), [pd.Timedelta(1), datetime.timedelta(1)]),
        (pa.timestamp("us", "Asia/Tokyo"), [datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)]),
    ],
)
def test_results_have_the_type_that_the_frame_gives_them(
    session: RowSession, kind: pa.DataType, values: list[Any]
) -> None:
    """Of those of one kind each becomes it where nothing is lost; what pandas lacks is null."""
    table = called(range(len(values)), returns(None, values), returns=kind)
    assert table["result"].type == kind
    expected: Any = pa.array(values, kind, from_pandas=True)
    assert table["result"].to_pylist() == expected.to_pylist()


@pytest.mark.parametrize(
    ("annotation", "values", "told"),
    [
        (int, ["a"], "expected int64, as it is declared, and string came"),
        (int, [1, 2.5], "expected int64, as it is declared, and double came"),
        (str, [5], "expected string, as it is declared, and int64 came"),
        (list[int], [[1], [2.5]], "float where there is int64 else"),
        (datetime.datetime, [datetime.date(2020, 1, 2)], "and date32[day] came"),
        (Point, [{"x": 1, "y": 2}], "fields beside x, name: y"),
        (None, [1, "a"], "expected int64, as the first results are, and string came"),
        (None, [{"a": 1}, {"b": 1}], "fields beside a: b"),
        (None, [2**70], "no one type of Arrow holds them all"),
        (None, [[], [1], ["a"]], "expected list<item: int64>, as the first results are"),
        (datetime.datetime, [pd.Timestamp(1)], "would lose data"),
        (None, [[pd.Timestamp(1)]], "nanoseconds where there is timestamp[us] else"),
    ],
)
def test_results_of_another_type_are_an_error_that_says_what_to_do(
    session: RowSession, annotation: Any, values: list[Any], told: str
) -> None:
    """It names the function, and how to give its results one type."""
    with pytest.raises(ExpressionError, match=r"results of 'pick'.*annotate.*\.cast\(") as caught:
        called(range(len(values)), returns(annotation, values))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        (("n", "n", "n"), {}, "takes from 1 to 2 positional arguments but 3 were given"),
        ((), {}, "missing 1 required positional argument: 'a'"),
        (("n",), {"z": "n"}, "got an unexpected keyword argument 'z'"),
        (("n",), {"a": "n"}, "got multiple values for argument 'a'"),
    ],
)
def test_wrong_arguments_raise_as_python_does(
    session: RowSession, args: Any, kwargs: Any, told: str
) -> None:
    """Before anything is sent."""

    @chalkcompute.function
    def plus(a: int, b: int = 1) -> int:
        return a + b

    with pytest.raises(TypeError, match=told):
        list(call_each(frames([1]), Errand(plus, args, kwargs)))
    assert session.sent == []


def test_columns_go_by_name_and_into_varied_parameters(session: RowSession) -> None:
    """As in any call of Python."""

    @chalkcompute.function
    def gather(a: int, *rest: int, key: int, **more: int) -> list[int]:
        return [a, *rest, key, *more.values()]

    errand = Errand(gather, ("n", "row", "n"), {"key": "row", "other": "n"})
    (*_, last) = call_each(frames([5, 6, 7]), errand)
    assert last["result"].to_pylist()[-1] == [7, 2, 7, 2, 7]


def test_no_rows_have_results_of_the_type_that_is_declared(session: RowSession) -> None:
    """So that what is written of them has its columns; no batch has none."""

    @chalkcompute.function
    def double(n: int) -> int:
        return 2 * n

    empty = pa.record_batch({"n": pa.array([], pa.int64())})
    errand = Errand(double, ("n",), on_error="keep", error_column="error")
    (found,) = call_each(iter([empty]), errand)
    assert found.schema.types == [pa.int64(), pa.int64(), pa.string()]
    assert list(call_each(iter([]), errand)) == []


def divide(n: int) -> float:
    """Fail for each hundredth number."""
    return 1 / (n % 100)


def read(batches: Iterator[pa.RecordBatch], into: list[Any]) -> None:
    """Read the numbers of rows."""
    for batch in batches:
        into += batch["row"].to_pylist()


def test_a_row_that_fails_raises_when_its_turn_comes(session: RowSession) -> None:
    """What came before is delivered; the error says which row, and what was passed."""
    found: list[int] = []
    batches = call_each(frames(range(1, 10_000)), Errand(chalkcompute.function(divide), ("n",)))
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero") as caught:
        read(batches, found)
    assert found == list(range(99))
    error: Any = caught.value
    assert (error.row, error.value) == (99, {"n": 100})
    assert [it for it in error.__notes__ if it.startswith("in row")] == [
        "in row 99 of the calls of 'divide', from 0: n=100"
    ]
    assert session.waiting == []


@pytest.mark.parametrize("on_error", ["null", "keep"])
def test_a_row_that_fails_is_null_where_that_is_asked(session: RowSession, on_error: Any) -> None:
    """With "keep" a column beside it says why."""
    table = called(
        range(1, 1_000), chalkcompute.function(divide), on_error=on_error, error_column="error"
    )
    wanted = [1 / (n % 100) if n % 100 else None for n in range(1, 1_000)]
    assert table["result"].to_pylist() == wanted
    if on_error == "keep":
        told = [
            None if each is not None else "ZeroDivisionError: division by zero" for each in wanted
        ]
        assert table["error"].to_pylist() == told
    else:
        assert table.column_names == ["row", "n", "result"]


@pytest.mark.parametrize("on_error", ["raise", "null", "keep"])
@pytest.mark.parametrize(
    "name",
    ["ConnectionLostError", "CallCancelledError", "ImportFailedError", "QueueFullError"],
)
def test_what_concerns_all_rows_is_the_failure_of_none(
    session: RowSession, name: str, on_error: Any
) -> None:
    """It is raised whatever a row that fails has: no column is null because a server was lost."""
    session.fate = lambda _: make(name, "gone")
    with pytest.raises(getattr(errors, name)):
        called(range(5), chalkcompute.function(divide), on_error=on_error, error_column="error")


def test_a_value_that_its_parameter_does_not_take_fails_its_row(session: RowSession) -> None:
    """Those beside it have their results."""

    @chalkcompute.function
    def length(items: list[int]) -> int:
        return len(items)

    values = [[1], [2, 3], [None, 4], [5]] * 40
    table = called(values, length, on_error="keep", error_column="error")
    assert table["result"].to_pylist() == [1, 2, None, 1] * 40
    assert str(table["error"][2]).endswith(
        'length() argument "items"[0]: expected int, got NoneType'
    )


def test_rows_that_cannot_travel_are_tried_a_few_times_each(
    session: RowSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows the entries have that they would have been in."""
    tried: list[int] = []
    encode = Columns.encode

    def counted(self: Columns, pieces: list[pa.RecordBatch]) -> Payload:
        tried.append(sum(map(len, pieces)))
        return encode(self, pieces)

    monkeypatch.setattr(Columns, "encode", counted)

    @chalkcompute.function
    def length(items: list[int]) -> int:
        return len(items)

    values = [[1]] * 2_000 + [[1]] * 9 + [[None]] + ([[1]] * 9 + [[None]]) * 200
    table = called(values, length, on_error="null")
    assert table["result"].to_pylist() == [1 if it == [1] else None for it in values]
    assert sum(tried) < 5 * len(values)


def test_a_row_that_kills_its_worker_fails_alone(session: RowSession) -> None:
    """Its neighbours in one entry are sent again, each by itself."""
    session.deadly = 777
    table = called(
        range(4_000), returns(int, list(range(4_000))), on_error="keep", error_column="error"
    )
    assert table["result"].to_pylist() == [None if n == 777 else n for n in range(4_000)]
    assert table["error"].null_count == 3_999


def test_it_reads_no_further_than_need_be_and_cancels_when_it_is_closed(
    session: RowSession,
) -> None:
    """An endless input is no trouble."""
    read = itertools.count()
    numbers = (next(read) for _ in itertools.count())
    results = call_each(
        frames(numbers, 10), Errand(chalkcompute.function(divide), ("n",), on_error="null")
    )
    next(results)
    assert next(read) < 1_000
    sent: list[Entry] = list(session.waiting)
    results.close()  # type: ignore[attr-defined]  # it is a generator
    assert sent
    assert all(entry.cancelled for entry in sent)


def test_rows_that_wait_for_a_type_have_a_bounded_size(
    session: RowSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results that are all null for long are of null, though there are few rows."""
    monkeypatch.setattr(calling, "_UNDECIDED_BYTES", 10_000)
    read = itertools.count()
    texts = (f"{next(read):01000}" for _ in itertools.count())

    @chalkcompute.function
    def nothing(text):  # type: ignore[no-untyped-def]
        return None

    results = call_each(frames(texts, 1), Errand(nothing, ("n",)))
    assert next(results).schema.field("result").type == pa.null()
    assert next(read) < 1_000


def test_an_input_that_raises_does_so_after_the_rows_before(session: RowSession) -> None:
    """As it is."""

    def broken() -> Iterator[pa.RecordBatch]:
        yield from frames(range(1, 50))
        raise OSError("no such file")

    found: list[int] = []
    batches = call_each(broken(), Errand(chalkcompute.function(divide), ("n",)))
    with pytest.raises(OSError, match="no such file"):
        read(batches, found)
    assert found == list(range(49))
