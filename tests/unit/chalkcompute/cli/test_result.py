"""What commands print of a result."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute.cli.result import ask, jsonable, show
from fnq_wire.failure import revive


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": [1, 2.5, None, True, "x"]}, {"a": [1, 2.5, None, True, "x"]}),
        ((1, (2,)), [1, [2]]),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ({1: "a"}, {"1": "a"}),
        ({1}, "{1}"),
        (b"x", "b'x'"),
        (datetime.date(2024, 2, 29), "datetime.date(2024, 2, 29)"),
        (numpy.array([[1, 2]]), [[1, 2]]),
        (numpy.float32(0.5), 0.5),
        (numpy.array([numpy.nan]), ["nan"]),
    ],
)
def test_json_has_what_it_can_and_the_repr_of_all_else(value: object, told: object) -> None:
    """Tuples and arrays are lists."""
    assert jsonable(value) == told


@given(st.recursive(st.none() | st.floats() | st.binary() | st.sets(st.integers()), st.lists))
def test_whatever_comes_is_a_line_of_json(value: object) -> None:
    """Strict JSON, without NaN."""
    json.loads(json.dumps(jsonable(value), allow_nan=False))


def test_people_see_text_as_it_is_and_none_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Chunks are a line each, also those that are None."""

    def chunks() -> Iterator[object]:
        yield "a"
        yield None

    for each in ("two words", None, [1], chunks()):
        show(each, as_json=False)
    assert capsys.readouterr().out == "two words\n[1]\na\nNone\n"
    show(None, as_json=True)
    assert capsys.readouterr().out == "null\n"


def test_a_remote_error_is_told_with_its_traceback_and_what_was_noted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The traceback once, without the frames of this command."""

    def fail() -> None:
        envelope = {"error": "RemoteError", "exception_type": "KeyError", "message": "'X'"}
        told = {**envelope, "traceback": "Traceback ...", "detail": {}}
        error = revive(told, call_id="1", function="f", attempt=0)
        error.add_note("X is set here")
        raise error

    assert ask(fail, [], {}, as_json=True) == 1
    assert capsys.readouterr().err == "Traceback ...\nX is set here\n"
