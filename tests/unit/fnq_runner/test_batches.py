"""Batches in a runner: one call of the function, and an end for each item."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fnq_wire.arrow import Codec
from fnq_wire.batchframe import BatchMember, encode_batch
from fnq_wire.pipe import (
    NO_CALL,
    DispatchInfo,
    Frame,
    Kind,
    read_json,
)
from tests.unit.fnq_runner.agent import CODEC, ENDS, Agent, Start, arguments

#: What frames call the batch.
ADDRESS = bytes(15) + b"\1"
KINDS = {"function": "def", "coroutine": "async def"}
FACTS = DispatchInfo(0, 0, NO_CALL, NO_CALL, 0, 0, 1)


def start_batches(start: Start, kind: str, body: str, *, bisect: bool = True) -> Agent:
    """Start a runner of a function of `kind` that takes batches; `body` is what follows def."""
    source = f"{KINDS[kind]} {body}"
    return start(source, kind=kind, batches={"size": 8, "bisect": bisect})


def give(agent: Agent, *payloads: bytes) -> list[bytes]:
    """Give it a batch of these arguments; return its calls."""
    members = [BatchMember(b"", 1, data) for data in payloads]
    return give_members(agent, *members)


def give_members(agent: Agent, *members: BatchMember, careful: bool = False) -> list[bytes]:
    """Give it a batch of these calls, with ids of their own; return those."""
    calls = [b"call %11d" % number for number in range(len(members))]
    named = [each._replace(call=call) for each, call in zip(members, calls, strict=True)]
    facts = dataclasses.replace(FACTS, careful=careful)
    agent.say(encode_batch(ADDRESS, 1, 0, facts, named))
    return calls


def packed(*values: int, first_row: int = 0) -> BatchMember:
    """Return a call of packed rows."""
    codec = Codec.of_parameters([("a", "either", True)])
    return BatchMember(b"", 1, codec.rows.encode_columns([values]), True, first_row, len(values))


def rows(agent: Agent, call: bytes) -> list[Any]:
    """Return the outcomes of a packed call, once it is exhausted."""
    found: list[Any] = []
    while (frame := agent.frame(Kind.CHUNK, *ENDS, call=call)).kind == Kind.CHUNK:
        block = CODEC.rows.read_block(frame.body, frame.number)
        failures = {at: each["exception_type"] for at, each in block.failures.items()}
        found += [failures.get(at, value) for at, value in enumerate(block.values)]
    assert frame.kind == Kind.EXHAUSTED
    return found


def told(frame: Frame) -> Any:
    """Return the value that a frame ends a call with, or the text of its failure."""
    if frame.kind == Kind.VALUE:
        return CODEC.decode_result(frame.body)
    found = read_json(frame)
    return f"{found['exception_type'] or found['error']}: {found['message']}"


def ends(agent: Agent, calls: list[bytes]) -> list[Any]:
    """Return what each call ended with, once the batch has as a whole."""
    found = [told(agent.frame(*ENDS, call=call)) for call in calls]
    assert agent.frame(*ENDS, call=ADDRESS).kind == Kind.EXHAUSTED
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_gets_a_list_for_each_parameter(start: Start, kind: str) -> None:
    """What an item leaves out has its default; each result goes to its own call."""
    agent = start_batches(
        start, kind, "f(a, b=5):\n    return [(x, y, len(a)) for x, y in zip(a, b)]"
    )
    calls = give(agent, arguments(1, 2), arguments(3))
    agent.frame(Kind.STARTED, call=ADDRESS)
    assert ends(agent, calls) == [(1, 2, 2), (3, 5, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_in_an_items_place_fails_that_item_alone(start: Start, kind: str) -> None:
    """As if the item had been alone and had raised it."""
    agent = start_batches(
        start, kind, "f(a):\n    return [KeyError('k') if x == 2 else x for x in a]"
    )
    calls = give(agent, *map(arguments, (1, 2, 3)))
    assert ends(agent, calls) == [1, "KeyError: 'k'", 3]


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_raises_is_halved_until_the_guilty_items_stand_alone(
    start: Start, kind: str
) -> None:
    """The others have their results."""
    agent = start_batches(start, kind, "f(a):\n    return [1 // x for x in a]")
    calls = give(agent, *map(arguments, (1, 0, 1, 1, 0)))
    zero = "ZeroDivisionError: integer division or modulo by zero"
    assert ends(agent, calls) == [1, zero, 1, 1, zero]


def test_without_bisect_all_items_of_a_batch_that_raises_fail(start: Start) -> None:
    """Each with what was raised."""
    agent = start_batches(start, "function", "f(a):\n    return [1 // x for x in a]", bisect=False)
    calls = give(agent, *map(arguments, (1, 0)))
    assert ends(agent, calls) == ["ZeroDivisionError: integer division or modulo by zero"] * 2


def test_a_wrong_number_of_results_says_both_numbers(start: Start) -> None:
    """It is no item's doing: the batch is not halved."""
    agent = start_batches(start, "function", "f(a):\n    return a[1:]")
    calls = give(agent, *map(arguments, (1, 2, 3)))
    text = "'f' returned 2 results for a batch of 3 items: expected one for each, in order"
    assert ends(agent, calls) == [f"ValueError: {text}"] * 3


@pytest.mark.parametrize("returned", ["'ab'", "{1: 2, 3: 4}", "None", "(x for x in a)"])
def test_what_has_no_rows_is_no_result_of_a_batch(start: Start, returned: str) -> None:
    """Nor is text, whose rows would be its letters."""
    agent = start_batches(start, "function", f"f(a):\n    return {returned}")
    [one, two] = ends(agent, give(agent, *map(arguments, (1, 2))))
    assert one == two
    assert "expected a list with one result for each of the 2 items" in one


@pytest.mark.parametrize(
    ("returned", "values"),
    [
        ("tuple(a)", [1, 2]),
        ("pyarrow.array(a)", [1, 2]),
        ("pyarrow.chunked_array([a[:1], a[1:]])", [1, 2]),
        ("pyarrow.table({'x': a})", [1, 2]),
        ("pyarrow.table({'x': a, 'y': a})", [{"x": 1, "y": 1}, {"x": 2, "y": 2}]),
        ("numpy.array([[x, x] for x in a])[:, :1].tolist()", [[1], [2]]),
    ],
)
def test_results_are_the_rows_of_what_is_returned(
    start: Start, returned: str, values: list[Any]
) -> None:
    """Of lists, of columns and of tables alike."""
    agent = start_batches(
        start, "function", f"f(a):\n    import numpy, pyarrow\n    return {returned}"
    )
    assert ends(agent, give(agent, *map(arguments, (1, 2)))) == values


def test_the_rows_of_an_array_of_numpy_are_arrays(start: Start) -> None:
    """As iterating over it gives them."""
    agent = start_batches(
        start, "function", "f(a):\n    import numpy\n    return numpy.array([[x, x] for x in a])"
    )
    found = ends(agent, give(agent, *map(arguments, (1, 2))))
    assert [each.tolist() for each in found] == [[1, 1], [2, 2]]


@pytest.mark.parametrize("annotation", ["'pyarrow.Table'", "'pa.Table'", "pyarrow.Table"])
def test_a_parameter_that_is_a_table_gets_all_rows_with_their_columns(
    start: Start, annotation: str
) -> None:
    """Rows are dicts, or tables of one row; what a row lacks is null."""
    source = "import pyarrow\n" if annotation[0] == "p" else ""
    source += f"def f(a: {annotation}):\n    return [repr(row) for row in a.to_pylist()]"
    agent = start(source, batches={"size": 8, "bisect": True})
    import pyarrow as pa

    calls = give(agent, *map(arguments, ({"x": 1}, {"x": 2, "y": "z"}, pa.table({"x": [3]}))))
    assert ends(agent, calls) == [
        "{'x': 1, 'y': None}",
        "{'x': 2, 'y': 'z'}",
        "{'x': 3, 'y': None}",
    ]


def test_an_item_that_cannot_be_read_or_answered_fails_alone(start: Start) -> None:
    """The others of its batch do not notice."""
    agent = start_batches(
        start, "function", "f(a):\n    return [print if x == 2 else x for x in a]"
    )
    calls = give(agent, arguments(1), arguments(2), b"not Arrow at all")
    one, two, three = ends(agent, calls)
    assert one == 1
    assert two.startswith("SerializationError: the value that 'f' returned")
    assert three.startswith("SerializationError: the arguments of 'f'")


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_packed_calls_and_single_items_share_a_batch(start: Start, kind: str) -> None:
    """Each row has an outcome of its own; those that were told before are left out."""
    body = "f(a):\n    return [1 // (x - 3) for x in a]"
    agent = start_batches(start, kind, body)
    one = BatchMember(b"", 1, arguments(4))
    first, single, last = give_members(agent, packed(2, 3, 5), one, packed(3, 4, first_row=1))
    assert rows(agent, first) == [-1, "ZeroDivisionError", 0]
    assert told(agent.frame(*ENDS, call=single)) == 1
    assert rows(agent, last) == [1]
    assert agent.frame(*ENDS, call=ADDRESS).kind == Kind.EXHAUSTED


def test_a_packed_call_of_one_row_fails_as_any_call(start: Start) -> None:
    """It has no block."""
    agent = start_batches(start, "function", "f(a):\n    return [1 // x for x in a]")
    [call] = give_members(agent, packed(0))
    assert told(agent.frame(*ENDS, call=call)).startswith("ZeroDivisionError")


def test_a_call_with_more_rows_than_a_batch_takes_is_cut(start: Start) -> None:
    """The function never gets more than it said; its rows are answered in order."""
    agent = start_batches(start, "function", "f(a):\n    return [len(a)] * len(a)")
    [call] = give_members(agent, packed(*range(20)))
    assert rows(agent, call) == [8] * 16 + [4] * 4


def test_the_items_of_a_batch_that_kills_its_workers_run_one_by_one(start: Start) -> None:
    """What comes before the guilty one has its outcome by then."""
    body = "f(a):\n    import os\n    0 in a and os._exit(9)\n    return [len(a)] * len(a)"
    agent = start_batches(start, "function", body)
    one = BatchMember(b"", 1, arguments(4))
    single, first = give_members(agent, one, packed(1, 2, 0), careful=True)
    assert told(agent.frame(*ENDS, call=single)) == 1
    for row in range(2):
        block = CODEC.rows.read_block(agent.frame(Kind.CHUNK, call=first).body, row)
        assert block.values == [1]
    assert agent.exited()["code"] == 9


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_is_cancelled_is_interrupted_as_a_whole(start: Start, kind: str) -> None:
    """It has one end; who has none of its own has that."""
    sleep = "__import__('time').sleep(60)"
    if kind == "coroutine":
        sleep = "await __import__('asyncio').sleep(60)"
    agent = start_batches(start, kind, f"f(a):\n    {sleep}")
    give(agent, *map(arguments, (1, 2)))
    agent.frame(Kind.STARTED, call=ADDRESS)
    agent.cancel(ADDRESS, "not needed")
    end = agent.frame(*ENDS)
    assert (end.call, told(end)) == (ADDRESS, "CallCancelledError: not needed")


def test_a_batch_passes_for_its_first_call(start: Start) -> None:
    """In what it prints, and in its context."""
    body = (
        "f(a):\n    from chalkcompute import get_call_context\n    print('hello')\n"
        "    return [get_call_context().call_id] * len(a)"
    )
    agent = start_batches(start, "function", body)
    calls = give(agent, *map(arguments, (1, 2)))
    shown = ends(agent, calls)
    assert shown == [shown[0]] * 2
    assert shown[0].replace("-", "") == calls[0].hex()
    assert agent.logged(calls[0]) == b"hello\n"
