"""A function called for each row of columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec

READINGS = "[{'meter': 'a', 'watts': 1.5}, {'meter': 'b', 'watts': 0.0}]"


def test_functions_of_every_kind_make_a_column_of_one_type(stack: Stack, tmp_path: Path) -> None:
    """Typed or not, yielding, async, in batches, from within a worker, and by another program."""
    assert lines(stack, "frame_calls.py", str(tmp_path), "values") == [
        "shorten_text True string",
        "shorten_untyped True string",
        f"dataclass {READINGS} struct<meter: string, watts: double>",
        "struct [3, 5]",
        "lists [[], [0, 1], [0, 1, 2]] list<item: int64>",
        "lists [[], ['n0', 'n1'], ['n0', 'n1', 'n2']] list<item: string>",
        "async True",
        "lists True",
        "table True",
        "in a worker ['TEXT 0', 'TEXT 1', 'TEXT 2', 'string'] [1, 2, 3]",
    ]
    types, text, objects, misfit, *rest = lines(stack, "frame_by_name.py")
    assert types == "string list<item: int64> None"
    assert text == "string B"
    assert objects == "[{'meter': 'a', 'watts': 1.0}, {'meter': 'b', 'watts': 2.0}]"
    assert misfit.startswith("ExpressionError column 'n' is int64 and parameter 'text' is string")
    assert rest == [
        "TypeError shorten_text() takes 1 positional argument but 2 were given",
        "not found True",
    ]


@pytest.mark.machine
@pytest.mark.timed
def test_rows_fail_one_by_one_and_keep_their_order(stack: Stack, tmp_path: Path) -> None:
    """Whichever worker is first, with retries and limits; what is closed is cancelled."""
    assert stack.fnq("limit", "set", "frame-calls", "--rate", "100/s").returncode == 0
    try:
        found = lines(stack, "frame_calls.py", str(tmp_path), "rows")
    finally:
        stack.fnq("limit", "delete", "frame-calls")
    raised, null, *kept = found[:5]
    assert raised == (
        "raised [1.0, 0.5] ZeroDivisionError: division by zero 2 {'n': 0} "
        "[\"in row 2 of the calls of 'reciprocal', from 0: n=0\"]"
    )
    assert null == "null [1.0, None, 0.5, None] ['n', 'result']"
    assert kept[:2] == [
        "keep {'n': 1, 'r': 1.0, 'r_error': None}",
        "keep {'n': 0, 'r': None, 'r_error': 'ZeroDivisionError: division by zero'}",
    ]
    assert kept[2].startswith("keep {'n': None, 'r': None, 'r_error': \"TypeError: unsupported")
    assert found[5:] == [
        "order True True",
        "retried [0, 1, 2, 3, 4, 5, 6]",
        "limited True",
        "cancelled True True",
    ]
