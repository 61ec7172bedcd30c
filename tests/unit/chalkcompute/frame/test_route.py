"""What of a plan goes into the scan, which calls are made, and in which order."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from chalkcompute.frame import compiled
from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.functions import F

FRAME = DataFrame.from_pydict({"a": [1, 2, 3], "b": [1.5, 2.5, 3.5], "s": ["x", "y", "z"]})
HEAD = "scan     a dict, 3 rows"


@pytest.mark.parametrize(
    ("frame", "lines"),
    [
        (FRAME, ["         reads    a, b, s"]),
        (FRAME.filter(_.a > 1), ["         reads    a, b, s", "         where    _.a > 1"]),
        (
            FRAME.filter(_.a > 1).project(b=_.b),
            ["         reads    a, b", "         where    _.a > 1"],
        ),
        (
            FRAME.project(c=_.a + 1, b=_.b).filter(_.c > 2).select("b"),
            ["         reads    a, b", "         where    _.a + 1 > 2"],
        ),
        (
            FRAME.filter(_.a > 1, _.b > 2).filter(_.s != "x").select("s"),
            [
                "         reads    a, b, s",
                "         where    _.a > 1",
                "         where    _.b > 2",
                "         where    _.s != 'x'",
            ],
        ),
        (
            FRAME.with_columns(c=_.a * 2).with_columns(d=_.c + 1).select("d"),
            ["         reads    a", "         makes    d = _.a * 2 + 1"],
        ),
        (
            FRAME.with_columns(c=_.a * 2).project(d=_.c + _.c),
            [
                "         reads    a",
                "         makes    c = _.a * 2",
                "project  d = _.c + _.c",
            ],
        ),
        (
            FRAME.rename({"a": "x"}).drop("s").filter(_.x > 1).limit(1),
            [
                "         reads    a, b",
                "         where    _.a > 1",
                "         makes    x = _.a",
                "limit    1 row",
            ],
        ),
        (
            FRAME.limit(2).filter(_.a > 1).select("a"),
            [
                "         reads    a",
                "limit    2 rows",
                "filter   _.a > 1",
                "project  a",
            ],
        ),
    ],
)
def test_filters_and_columns_go_into_the_scan(frame: DataFrame, lines: list[str]) -> None:
    """Only columns that somebody reads are read, and rows go as early as they can."""
    assert frame.explain().splitlines() == [HEAD, *lines]


@pytest.mark.parametrize(
    ("make", "lines"),
    [
        (
            lambda: FRAME.project(u=F.catalog_call("upper", _.s)),
            ["         reads    s", "call     upper = upper(s)", "project  u = _.upper"],
        ),
        (
            lambda: FRAME.project(u=F.catalog_call("upper", _.s), a=_.a).filter(_.a > 1),
            [
                "         reads    a, s",
                "         where    _.a > 1",
                "call     upper = upper(s)",
                "project  u = _.upper, a",
            ],
        ),
        (
            lambda: FRAME.project(u=F.catalog_call("upper", _.s)).filter(_.u != "X"),
            [
                "         reads    s",
                "call     upper = upper(s)",
                "filter   _.upper != 'X'",
                "project  u = _.upper",
            ],
        ),
        (
            lambda: FRAME.project(u=F.catalog_call("upper", _.s)).limit(2),
            [
                "         reads    s",
                "limit    2 rows",
                "call     upper = upper(s)",
                "project  u = _.upper",
            ],
        ),
        (
            lambda: FRAME.with_columns(u=F.catalog_call("upper", _.s)).select("a"),
            ["         reads    a"],
        ),
        (
            lambda: FRAME.project(
                u=F.catalog_call("upper", _.s), v=F.concat(F.catalog_call("upper", _.s), "!")
            ),
            [
                "         reads    s",
                "call     upper = upper(s)",
                "project  u = _.upper, v = F.concat(_.upper, '!')",
            ],
        ),
        (
            lambda: FRAME.project(
                u=F.catalog_call("upper", _.s, suffix=F.catalog_call("tell", _.a))
            ),
            [
                "         reads    a, s",
                "call     tell = tell(a)",
                "call     upper = upper(s, suffix=tell)",
                "project  u = _.upper",
            ],
        ),
        (
            lambda: FRAME.project(
                x=F.catalog_call("half", _.a + 1), y=F.catalog_call("tell", _.a + 1)
            ),
            [
                "         reads    a",
                "         makes    _.a + 1",
                "call     half = half(_.a + 1)",
                "call     tell = tell(_.a + 1)",
                "project  x = _.half, y = _.tell",
            ],
        ),
        (
            lambda: FRAME.project(x=F.catalog_call("half", 3), y=F.catalog_call("half", _.a)),
            [
                "         reads    a",
                "         makes    3",
                "call     half = half(3)",
                "call     half' = half(a)",
                'project  x = _.half, y = _["half\'"]',
            ],
        ),
        (
            lambda: FRAME.filter(F.catalog_call("half", _.a) > 5).select("s"),
            [
                "         reads    a, s",
                "call     half = half(a)",
                "filter   _.half > 5",
                "project  s",
            ],
        ),
        (
            lambda: FRAME.project(x=F.catalog_call("half", _.a), on_error="keep"),
            [
                "         reads    a",
                "call     half = half(a)",
                '         on_error "keep"',
                "project  x = _.half, x_error = _.half_error",
            ],
        ),
    ],
)
def test_calls_are_stages_of_their_own(make: Callable[[], DataFrame], lines: list[str]) -> None:
    """Each call is made once, on no more rows than it must, and only if somebody reads it."""
    assert make().explain().splitlines() == [HEAD, *lines]


def test_a_column_made_of_itself_many_times_stays_small() -> None:
    """Sixty doublings are sixty steps at most, not two to the power of sixty."""
    frame = FRAME.project(b=_.b)
    for _each in range(60):
        frame = frame.project(b=_.b + _.b)
    frame = frame.filter(_.b > 0)
    assert frame.collect().to_pydict() == {"b": [b * 2.0**60 for b in (1.5, 2.5, 3.5)]}
    assert len(frame.explain()) < 10_000


def test_a_condition_meets_no_row_that_another_one_left_out() -> None:
    """What a first filter leaves out cannot fail in a second."""
    frame = DataFrame.from_pydict({"a": [0, 5]}).filter(_.a != 0).filter(10 // _.a == 2)
    assert frame.collect().to_pydict() == {"a": [5]}


def test_the_columns_of_a_wide_frame_are_compiled_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the schema costs is paid once, and not once more for each column."""
    met: list[pa.Schema] = []
    compiler = compiled._Compiler

    def noted(schema: pa.Schema) -> compiled._Compiler:
        met.append(schema)
        return compiler(schema)

    monkeypatch.setattr(compiled, "_Compiler", noted)
    frame = DataFrame.from_pydict({"n": [1]}).project({f"c{n}": _.n + n for n in range(50)})
    assert frame.collect()["c49"].to_pylist() == [50]
    assert len(met) < 10
