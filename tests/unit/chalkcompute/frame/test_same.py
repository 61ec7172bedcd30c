"""However a plan runs, its rows are those that come of one step after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import Expression
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.functions import F
from tests.unit.chalkcompute.frame.calls import Calls

Step: TypeAlias = Callable[[DataFrame], DataFrame]

NAMES = st.sampled_from(["a", "b"])
NUMBERS = st.integers(-2, 4)


def _value(name: str, other: str, number: int, kind: int) -> Any:
    """Return an expression over two columns, perhaps with calls."""
    call = F.catalog_call("add", _[name], number)
    made: list[Any] = [
        _[name],
        _[name] + number,
        _[name] + _[other],
        number,
        call,
        call + F.catalog_call("add", _[other], F.catalog_call("add", _[name], number)),
    ]
    return made[kind]


VALUES = st.builds(_value, NAMES, NAMES, NUMBERS, st.integers(0, 5))


def _condition(value: Any, number: int) -> Expression:
    return _.a > number if isinstance(value, int) else value > number


def _filter(value: Any, number: int) -> Step:
    return lambda frame: frame.filter(_condition(value, number))


def _with(name: str, value: Any) -> Step:
    return lambda frame: frame.with_columns({name: value})


def _project(value: Any, other: Any) -> Step:
    return lambda frame: frame.project(b=value, a=other)


def _limit(rows: int) -> Step:
    return lambda frame: frame.limit(rows)


def _swap() -> Step:
    return lambda frame: frame.rename({"a": "b", "b": "a"})


STEPS = st.lists(
    st.one_of(
        st.builds(_filter, VALUES, NUMBERS),
        st.builds(_with, NAMES, VALUES),
        st.builds(_project, VALUES, VALUES),
        st.builds(_limit, st.integers(0, 12)),
        st.builds(_swap),
    ),
    max_size=6,
)


@pytest.fixture(name="calls")
def _calls(calls: Calls) -> Calls:
    """Return functions of which one adds."""
    calls.functions["add"] = lambda a, b: None if a is None or b is None else a + b
    calls.types["add"] = DataFrame.from_pydict({"x": [1]}).schema.field("x").type
    return calls


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, last=st.sampled_from([["a"], ["b"], ["b", "a"]]))
def test_a_plan_does_what_its_steps_do(calls: Calls, steps: list[Step], last: list[str]) -> None:
    """Filters, projections, calls and limits in any order, and columns that nobody reads."""
    start = DataFrame.from_pydict({"a": [3, None, 1, -2, 5, 0], "b": [1, 2, None, 4, -5, 6]})
    whole, apart = start, start
    for step in steps:
        whole = step(whole)
        apart = DataFrame.from_arrow(step(apart).collect())
    assert whole.collect() == apart.collect()
    assert whole.select(*last).collect() == apart.select(*last).collect()
    assert whole.count() == apart.count()
    assert whole.schema == apart.schema
