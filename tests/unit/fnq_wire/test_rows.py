"""Rows of arguments and results: each comes back as if it had travelled alone."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fnq_wire import failure, outcomes
from fnq_wire.arrow import Codec
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire import drawn, typed, values
from tests.unit.fnq_wire.canon import canon

many = settings(
    database=None, max_examples=300, deadline=None, suppress_health_check=list(HealthCheck)
)


def whole(
    a: values.Anyone, b: Any = 1, /, c: Any = 2, *rest: Any, d: Any = 3, **more: Any
) -> values.Anyone:
    """Have a parameter of each kind."""
    return a, b, c, rest, d, more


def add(x: int, y: int = 0) -> int:
    """Have parameters whose columns have types."""
    return x + y


def shown(payload: bytes) -> pa.Table:
    """Return the payload as any reader of Arrow sees it, checked."""
    table = pa.ipc.open_stream(payload).read_all()
    table.validate(full=True)
    return table


def called(function: Callable[..., Any], rows: Any) -> list[Any]:
    """Return what the function makes of each row."""
    return [canon(function(*args, **kwargs)) for args, kwargs in rows]


ROWS = st.lists(
    st.tuples(
        st.lists(drawn.anything(wraps=2), min_size=1, max_size=5).map(tuple),
        st.dictionaries(st.sampled_from(["d", "e"]), drawn.anything(wraps=1), max_size=2),
    ),
    min_size=1,
    max_size=6,
)


@many
@given(ROWS, st.integers(0, 6), st.integers(0, 6))
def test_rows_of_any_form_come_back_one_by_one(rows: Any, start: int, length: int) -> None:
    """Whatever each passes, and however: all of them, and any stretch."""
    rows_of = Codec.of(whole).rows
    payload = rows_of.encode_arguments(rows)
    shown(payload)
    assert called(whole, rows_of.decode_arguments(payload)) == called(whole, rows)
    some = rows_of.decode_arguments(payload, start, length)
    assert called(whole, some) == called(whole, rows[start : start + length])


@many
@given(st.data(), st.sampled_from(list(typed.EXACT)))
def test_rows_of_a_type_come_back_and_so_do_those_that_are_nearly_of_it(
    data: st.DataObject, annotation: Any
) -> None:
    """One value that does not fit the column changes no other."""
    one = typed.EXACT[annotation]
    either = st.one_of(one, typed.NEARLY[annotation]) if annotation in typed.NEARLY else one
    column = data.draw(st.lists(either, min_size=1, max_size=6))

    def function(x: Any) -> Any:
        return x

    function.__annotations__ = {"x": annotation, "return": annotation}
    rows_of = Codec.of(function).rows
    payload = rows_of.encode_columns([column])
    assert called(function, rows_of.decode_arguments(payload)) == [canon(it) for it in column]
    back = rows_of.decode_results(rows_of.encode_results(column))
    assert [canon(it) for it in back] == [canon(it) for it in column]


@many
@given(st.lists(drawn.anything(wraps=2), max_size=6))
def test_results_come_back_one_by_one(column: list[Any]) -> None:
    """As values, and as what was kept of them meanwhile."""
    rows_of = Codec.of(whole).rows
    for results in (column, [rows_of.keep(it) for it in column]):
        payload = rows_of.encode_results(results)
        assert [canon(it) for it in rows_of.decode_results(payload)] == [canon(it) for it in column]


@pytest.mark.parametrize(
    ("column", "arrow"),
    [
        ([1, 2, 3], pa.int64()),
        ([0.5, float("nan")], pa.float64()),
        (["a", ""], pa.string()),
        ([b"a", b""], pa.binary()),
        ([True, False], pa.bool_()),
        ([1, None], pa.large_binary()),
        ([1, True], pa.large_binary()),
        ([1, 2**64], pa.large_binary()),
        ([{"a": 1}, {"b": 2}], pa.large_binary()),
    ],
)
def test_a_column_without_an_annotation_has_the_one_type_of_its_values(
    column: list[Any], arrow: pa.DataType
) -> None:
    """And none where they have several, or where one does not fit."""
    rows_of = Codec.of(lambda x: x).rows
    payload = rows_of.encode_columns([column])
    found = shown(payload).schema.field("x").type
    assert getattr(found, "storage_type", found) == arrow
    assert called(lambda x: x, rows_of.decode_arguments(payload)) == [canon(it) for it in column]


def test_rows_share_a_column_when_they_pass_the_same_and_say_so_when_they_do_not() -> None:
    """A default that some rows leave out is the function's own there."""
    rows_of = Codec.of(add).rows
    assert shown(rows_of.encode_arguments([((1, 2), {}), ((3, 4), {})])).column_names == ["x", "y"]
    payload = rows_of.encode_arguments([((1,), {}), ((), {"y": 5, "x": 4})])
    assert shown(payload).column_names == ["x", "y", "fnq.present"]
    assert called(add, rows_of.decode_arguments(payload)) == [canon(1), canon(9)]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_rows_without_arguments_are_counted(rows: int) -> None:
    """A function that takes none is called as often as there are rows."""
    rows_of = Codec.of(lambda: 7).rows
    payload = rows_of.encode_arguments([((), {})] * rows)
    assert list(rows_of.decode_arguments(payload)) == [((), {})] * rows


@pytest.mark.parametrize(
    ("row", "error", "text"),
    [
        (((1, "b"), {}), TypeError, 'add() argument "y": expected int, got str'),
        (((), {}), TypeError, "add() missing 1 required positional argument: 'x'"),
        (
            ((1, 2, 3), {}),
            TypeError,
            "add() takes from 1 to 2 positional arguments but 3 were given",
        ),
        (((1,), {"z": 1}), TypeError, "add() got an unexpected keyword argument 'z'"),
    ],
)
def test_a_row_that_does_not_fit_is_told_as_a_call_of_it_would_be(
    row: tuple[tuple[Any, ...], Mapping[str, Any]], error: type[Exception], text: str
) -> None:
    """However many rows around it are right."""
    with pytest.raises(error) as caught:
        Codec.of(add).rows.encode_arguments([((1, 2), {}), row, ((3, 4), {})])
    assert str(caught.value).endswith(text)


def test_a_value_that_cannot_travel_is_told_as_in_a_call_of_its_own() -> None:
    """In arguments, and in a result as soon as it is kept."""
    codec = Codec.of(lambda x: x)
    with pytest.raises(SerializationError, match='argument "x"'):
        codec.rows.encode_columns([[1, object()]])
    for refuse in (codec.rows.keep, lambda value: codec.rows.encode_results([value])):
        with pytest.raises(SerializationError, match="result: "):
            refuse(object())


@pytest.mark.parametrize("value", [[1, 2], [[1], {"a": [1]}], {"a": [1]}, values.Point(1)])
def test_what_is_kept_of_a_result_does_not_change_with_it(value: Any) -> None:
    """A function may go on with what it returned for the row before."""
    rows_of = Codec.of(whole).rows
    before = canon(value)
    kept = rows_of.keep(value)
    if isinstance(value, list):
        value.append(3)
    elif isinstance(value, dict):
        value["a"].append(3)
    else:
        value.x = 2
    assert canon(rows_of.decode_results(rows_of.encode_results([kept]))[0]) == before


def test_a_result_of_its_annotated_type_has_a_typed_column_when_it_is_kept() -> None:
    """Numbers, text, lists of them, and moments."""

    def moments(x: int) -> list[float]:
        return [x]

    rows_of = Codec.of(moments).rows
    kept = [rows_of.keep([0.5]), rows_of.keep([])]
    assert pa.types.is_list(shown(rows_of.encode_results(kept)).schema.field("result").type)
    moment = datetime.datetime(2026, 1, 1)  # noqa: DTZ001 - naive ones have a column type
    assert rows_of.keep(moment) is moment


@many
@given(
    st.lists(st.one_of(st.integers(), st.none()), max_size=8), st.integers(0, 8), st.integers(0, 99)
)
def test_a_block_gives_values_and_failures_from_any_row_on(
    rows: list[Any], skip: int, first: int
) -> None:
    """Rows that failed are None here, and have an envelope."""
    rows_of = Codec.of(add).rows
    failures = {
        at: failure.make("RemoteError", str(at)) for at, it in enumerate(rows) if it is None
    }
    payload = rows_of.encode_results([it for it in rows if it is not None])
    block = rows_of.read_block(outcomes.pack(payload, failures, len(rows), first, 7), first + skip)
    assert block.ran_us == 7
    assert block.values == rows[skip:]
    assert block.failures == {at - skip: it for at, it in failures.items() if at >= skip}


def test_a_block_whose_values_are_not_those_of_its_rows_is_refused() -> None:
    """As everything that does not hold what it says."""
    rows_of = Codec.of(add).rows
    payload = rows_of.encode_results([1, 2])
    gap = outcomes.pack(payload, {}, 2, first=1)
    for block in (b"", gap, outcomes.pack(payload, {}, 3), outcomes.pack(payload[:-9], {}, 2)):
        with pytest.raises(SerializationError):
            rows_of.read_block(block)


@given(st.integers(0, 400), st.binary(max_size=3))
@settings(max_examples=200, deadline=None, database=None)
def test_a_corrupt_payload_is_an_error_and_nothing_else(at: int, junk: bytes) -> None:
    """Whatever bytes of it were damaged."""
    rows_of = Codec.of(add).rows
    payload = bytearray(rows_of.encode_arguments([((1,), {}), ((2, 3), {})]))
    payload[at : at + len(junk)] = junk
    try:
        list(rows_of.decode_arguments(bytes(payload)))
    except SerializationError:
        return


@many
@given(
    st.lists(st.text() | st.none(), max_size=40)
    | st.lists(st.text(st.characters(max_codepoint=127)), max_size=40)
    | st.lists(st.integers(min_value=-(2**70), max_value=2**70), max_size=40),
    st.integers(0, 40),
    st.integers(1, 5),
)
def test_columns_that_are_read_some_at_a_time_are_the_same(
    column: list[Any], start: int, times: int
) -> None:
    """From any row on, for many rows, with nulls and beyond ASCII."""
    many_rows = (column or [None]) * 100 * times
    codec = Codec.of(add)
    payload = Codec.of_parameters([("x", "either", True)]).rows.encode_columns([many_rows])
    found = codec.rows.stream_arguments(payload, start)
    assert found is not None
    assert list(map(list, found)) == [many_rows[start:]]
    named = Codec.of(whole).rows.encode_arguments([((1,), {"d": 2})])
    assert Codec.of(whole).rows.stream_arguments(named) is None


def test_a_corrupt_column_is_an_error_before_any_row_is_read() -> None:
    """Wherever it is cut short."""
    codec = Codec.of_parameters([("x", "either", True)])
    payload = codec.rows.encode_columns([["text"] * 3_000])
    for size in range(0, len(payload), 97):
        with pytest.raises(SerializationError):
            codec.rows.stream_arguments(payload[:size])
