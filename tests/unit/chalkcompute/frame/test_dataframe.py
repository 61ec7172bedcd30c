"""What a frame does, and what it says to whoever uses it wrongly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from chalkcompute import ExpressionError, NotFoundError
from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.functions import F
from chalkcompute.frame.source import Files
from tests.unit.chalkcompute.frame.calls import Calls

FRAME = DataFrame.from_pydict({"amount": [4, 2, 0, None], "memo": ["a", "b", "c", "d"]})


@pytest.mark.parametrize(
    ("frame", "rows"),
    [
        (FRAME.project({"a": _.amount + 1, "k": "x"}), {"a": [5, 3, 1, None], "k": ["x"] * 4}),
        (FRAME.project({"memo": _.memo}, n=1), {"memo": ["a", "b", "c", "d"], "n": [1] * 4}),
        (
            FRAME.with_columns(memo=F.upper(_.memo), b=_.amount),
            {"amount": [4, 2, 0, None], "memo": ["A", "B", "C", "D"], "b": [4, 2, 0, None]},
        ),
        (FRAME.filter(_.amount > 1).select("memo"), {"memo": ["a", "b"]}),
        (FRAME.filter(_.amount > 1, _.memo == "b"), {"amount": [2], "memo": ["b"]}),
        (FRAME.limit(1), {"amount": [4], "memo": ["a"]}),
        (FRAME.limit(0), {"amount": [], "memo": []}),
        (FRAME.limit(9).limit(2).select("memo"), {"memo": ["a", "b"]}),
        (FRAME.limit(2**70).select("memo"), {"memo": ["a", "b", "c", "d"]}),
        (
            FRAME.rename({"amount": "memo", "memo": "amount"}).limit(1),
            {"memo": [4], "amount": ["a"]},
        ),
        (FRAME.drop("amount").limit(1), {"memo": ["a"]}),
        (FRAME.select("memo", "amount").limit(1), {"memo": ["a"], "amount": [4]}),
    ],
)
def test_verbs(frame: DataFrame, rows: dict[str, list[Any]]) -> None:
    """Each makes another frame, of the rows and columns that it says."""
    table = frame.collect()
    assert table.to_pydict() == rows
    assert frame.columns == list(rows)
    assert frame.schema == table.schema
    assert frame.count() == table.num_rows
    assert FRAME.columns == ["amount", "memo"]


def test_ends() -> None:
    """The same rows, each time anew, as whatever is asked for."""
    import pandas as pd
    import polars as pl

    frame = FRAME.filter(_.amount >= 2)
    expected = {"amount": [4, 2], "memo": ["a", "b"]}
    assert frame.collect() == frame.to_arrow() == pa.table(expected)
    assert isinstance(frame.to_pandas(), pd.DataFrame)
    assert frame.to_pandas().to_dict("list") == expected
    assert isinstance(frame.to_polars(), pl.DataFrame)
    assert frame.to_polars().to_dict(as_series=False) == expected
    assert [batch.to_pydict() for batch in frame.to_batches()] == [expected]
    assert list(frame) == [{"amount": 4, "memo": "a"}, {"amount": 2, "memo": "b"}]
    assert frame.count() == 2


def test_a_call_is_a_column(calls: Calls) -> None:
    """Results stand beside the rows that they are of; the same call is made once."""
    frame = FRAME.filter(_.amount > 1).project(
        up=F.catalog_call("upper", _.memo, suffix="!"),
        both=F.concat(F.catalog_call("upper", _.memo, suffix="!"), _.memo),
    )
    assert frame.collect().to_pydict() == {"up": ["A!", "B!"], "both": ["A!a", "B!b"]}
    assert calls.made == [("upper", "a", "!"), ("upper", "b", "!")]
    assert frame.schema == pa.schema({"up": pa.string(), "both": pa.string()})


def test_calls_that_nobody_reads_are_not_made(calls: Calls) -> None:
    """Neither for a count, nor for rows that a limit or a filter leaves out."""
    frame = FRAME.with_columns(half=F.catalog_call("half", _.amount))
    assert frame.count() == 4
    assert frame.select("memo").limit(1).collect().to_pydict() == {"memo": ["a"]}
    assert calls.made == []
    assert frame.limit(1).select("half").collect().to_pydict() == {"half": [3]}
    assert frame.filter(_.memo == "b").select("half").collect().to_pydict() == {"half": [6]}
    assert calls.made == [("half", 4), ("half", 2)]


def test_rows_are_counted_without_reading_them(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no filter decides which there are, and the file says how many it has."""
    FRAME.write_parquet(tmp_path / "x.parquet")
    monkeypatch.setattr(Files, "_read", None)
    frame = DataFrame.scan(tmp_path / "x.parquet").with_columns(up=F.catalog_call("upper", _.memo))
    assert (frame.count(), frame.limit(3).drop("memo").count(), frame.limit(9).count()) == (4, 3, 4)
    assert calls.made == []


def test_a_long_array_is_equal_to_no_other(calls: Calls) -> None:
    """Though numpy shows both alike: calls with either are two."""
    import numpy as np

    first, second = np.arange(2_000), np.arange(2_000)
    second[1_000] = -1
    one, other = (F.catalog_call("tell", each) for each in (first, second))
    names = [
        name for name in FRAME.project(a=one, b=one, c=other).explain().split() if "tell(" in name
    ]
    assert len(names) == 2


def test_a_call_that_fails_does_what_was_asked(calls: Calls) -> None:
    """It raises, is null, or is null with its error beside it."""
    frame = FRAME.limit(3)
    half = {"half": F.catalog_call("half", _.amount)}
    with pytest.raises(ZeroDivisionError):
        frame.project(half).collect()
    assert frame.project(half, on_error="null").collect().to_pydict() == {"half": [3, 6, None]}
    kept = frame.project({**half, "memo": _.memo}, on_error="keep")
    assert kept.columns == ["half", "half_error", "memo"]
    assert kept.collect().to_pydict() == {
        "half": [3, 6, None],
        "half_error": [None, None, "ZeroDivisionError: integer division or modulo by zero"],
        "memo": ["a", "b", "c"],
    }
    assert kept.schema.names == kept.columns


def test_a_function_that_declares_no_type_decides_by_what_it_returns(calls: Calls) -> None:
    """The schema is known once it ran, or where the call is cast."""
    frame = FRAME.project(told=F.catalog_call("tell", _.memo))
    with pytest.raises(ExpressionError) as raised:
        _schema = frame.schema
    assert str(raised.value) == (
        'the type of "told" is known only once it runs: annotate what the function returns, or '
        ".cast(...) the call"
    )
    longer = frame.project(length=F.length(_.told) + 1)
    assert longer.collect().to_pydict() == {"length": [4] * 4}
    cast = FRAME.project(told=F.catalog_call("tell", _.memo).cast("large_string"))
    calls.asked.clear()
    assert cast.schema == pa.schema({"told": pa.large_string()})
    assert cast.collect().schema == cast.schema
    assert calls.asked == []


def test_a_frame_asks_nobody_before_it_must(calls: Calls) -> None:
    """Neither is a function called nor its type asked for while a frame is made or shown."""
    frame = (
        FRAME.project(up=F.catalog_call("upper", _.memo), amount=_.amount)
        .filter(F.length(_.up) > 0)
        .with_columns(more=F.concat(_.up, "!"))
        .rename({"up": "down"})
    )
    for show in (repr, DataFrame.explain, DataFrame._repr_html_, lambda each: each.columns):
        show(frame)
    assert (calls.asked, calls.made) == ([], [])
    assert frame.schema.names == ["down", "amount", "more"]


def test_an_end_that_is_left_early_closes_what_goes_on(calls: Calls) -> None:
    """Whoever stops to iterate has nothing in flight."""
    rows = iter(FRAME.project(up=F.catalog_call("upper", _.memo)))
    assert next(rows) == {"up": "A"}
    assert calls.closed == 0
    rows.close()  # type: ignore[attr-defined]
    assert calls.closed == 1


#: Without types, which would not let them be used wrongly.
MISUSED: Any = FRAME
FRAMES: Any = DataFrame

WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        DataFrame,
        TypeError,
        "DataFrame is made by .scan(path), .from_arrow, .from_pandas, .from_polars or .from_pydict",
    ),
    (
        lambda: MISUSED.select("memmo"),
        NotFoundError,
        '_.memmo: there is no column "memmo": did you mean "memo"?',
    ),
    (
        lambda: MISUSED.drop("x"),
        NotFoundError,
        '_.x: there is no column "x": the columns are amount, memo',
    ),
    (
        lambda: MISUSED.rename({"ammount": "n"}),
        NotFoundError,
        '_.ammount: there is no column "ammount": did you mean "amount"?',
    ),
    (
        lambda: MISUSED.filter(_.amont > 1),
        NotFoundError,
        '_.amont > 1: there is no column "amont": did you mean "amount"?',
    ),
    (
        lambda: MISUSED.project(a=F.catalog_call("upper", _.mem)),
        NotFoundError,
        '_.mem: there is no column "mem": did you mean "memo"?',
    ),
    (
        lambda: MISUSED.project(a=F.catalog_call("upper", _.memo)).select("b"),
        NotFoundError,
        '_.b: there is no column "b": the columns are a',
    ),
    (
        lambda: MISUSED.project(a=F.catalog_call("upper", _.memo)).filter(_.b == 1),
        NotFoundError,
        '_.b == 1: there is no column "b": the columns are a',
    ),
    (
        lambda: MISUSED.rename({"amount": "memo"}),
        ValueError,
        'rename: two columns would be named "memo": drop one of them',
    ),
    (lambda: MISUSED.rename("amount"), TypeError, "rename: expected {old: new}, not str"),
    (lambda: MISUSED.rename({"amount": 5}), TypeError, "rename: a name is a string, not 5"),
    (MISUSED.select, ValueError, "select: no column would be left"),
    (lambda: MISUSED.drop("amount", "memo"), ValueError, "drop: no column would be left"),
    (lambda: MISUSED.select("memo", "memo"), ValueError, 'select: "memo" is named more than once'),
    (lambda: MISUSED.select(5), TypeError, "the name of a column is a string, not 5"),
    (lambda: MISUSED.select(_.memo), TypeError, "the name of a column is a string, not _.memo"),
    (lambda: MISUSED.limit(-1), ValueError, "limit: expected 0 rows or more, not -1"),
    (lambda: MISUSED.limit("5"), TypeError, "limit: expected a number of rows, not '5'"),
    (lambda: MISUSED.limit(True), TypeError, "limit: expected a number of rows, not True"),
    (MISUSED.filter, TypeError, "filter: expected a condition, such as _.amount > 10"),
    (
        lambda: MISUSED.filter(_.amount),
        ExpressionError,
        (
            "filter(_.amount): it is int64, expected what is true or false for each row: compare "
            "it with something"
        ),
    ),
    (lambda: MISUSED.filter(lambda row: row), TypeError, "filter: Arrow has no type for"),
    (
        MISUSED.project,
        ValueError,
        "project: expected at least one column, as project(total=_.a + _.b)",
    ),
    (
        lambda: MISUSED.project(["memo"]),
        TypeError,
        "project: expected names and expressions, not list",
    ),
    (
        lambda: MISUSED.project({5: _.memo}),
        TypeError,
        "project: the name of a column is a string, not 5",
    ),
    (lambda: MISUSED.project({"a": 1}, a=2), ValueError, 'project: "a" is given more than once'),
    (lambda: MISUSED.project(a=object()), TypeError, "project(a=...): Arrow has no type for"),
    (
        lambda: MISUSED.project(a=_.memo, on_error="ignore"),
        ValueError,
        'on_error: expected "raise", "null" or "keep", not \'ignore\'',
    ),
    (
        lambda: MISUSED.project(
            {"a": F.catalog_call("half", _.amount), "a_error": 1}, on_error="keep"
        ),
        ValueError,
        'two columns would be named "a_error": it is for the errors of "a"',
    ),
    (lambda: MISUSED.with_columns(a=_.memo + 1), ExpressionError, "_.memo + 1: "),
    (
        lambda: len(MISUSED),
        TypeError,
        "a DataFrame has no len(), which would have to read it: see .count()",
    ),
    (lambda: bool(MISUSED), TypeError, "a DataFrame is neither true nor false: see .count()"),
    (
        lambda: MISUSED["memo"],
        TypeError,
        "columns are taken by .select('memo'), rows by .limit(n) and .filter",
    ),
    (
        lambda: FRAMES.from_arrow([1]),
        TypeError,
        "from_arrow: expected a pyarrow.Table, not list",
    ),
    (
        lambda: FRAMES.from_pandas({}),
        TypeError,
        "from_pandas: expected a pandas.DataFrame, not dict",
    ),
    (
        lambda: FRAMES.from_polars({}),
        TypeError,
        "from_polars: expected a polars.DataFrame, not dict",
    ),
    (
        lambda: FRAMES.from_pydict([1]),
        TypeError,
        "from_pydict: expected names and lists, not list",
    ),
    (
        lambda: FRAMES.from_pydict({5: []}),
        TypeError,
        "from_pydict: the name of a column is a string, not 5",
    ),
    (
        lambda: FRAMES.from_pydict({"a": [1], "b": []}),
        ValueError,
        'from_pydict: columns have different numbers of rows: "a" has 1, "b" has 0',
    ),
    (lambda: FRAMES.from_pydict({"a": [1, "x"]}), ValueError, 'from_pydict: column "a": '),
    (lambda: FRAMES.from_pydict({"a": 5}), ValueError, 'from_pydict: column "a": '),
]


@pytest.mark.parametrize(("use", "kind", "text"), WRONG)
def test_a_wrong_use_is_told(
    use: Callable[[], Any], kind: type[Exception], text: str, calls: Calls
) -> None:
    """The error comes where the mistake is made, and says what was expected and what came."""
    with pytest.raises(kind) as raised:
        use()
    assert str(raised.value).startswith(text)
    if not text.endswith((" ", "for")):
        assert str(raised.value) == text


def test_lazy_frames_of_others_are_not_taken() -> None:
    """Polars' lazy ones have to be collected, and frames of mixed values say which column."""
    import pandas as pd
    import polars as pl

    with pytest.raises(TypeError, match=r"not polars\..*LazyFrame: \.collect\(\) it first"):
        DataFrame.from_polars(pl.DataFrame({"a": [1]}).lazy())  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"from_pandas: a column has values of no one type: .*column a"
    ):
        DataFrame.from_pandas(pd.DataFrame({"a": [1, "x"]}))


def test_importing_a_frame_loads_no_pyarrow() -> None:
    """Scripts that only call functions start as fast as they did."""
    code = (
        "import sys\nfrom chalkcompute.frame.dataframe import DataFrame\n"
        "print(sorted({'pyarrow', 'numpy', 'grpc'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
