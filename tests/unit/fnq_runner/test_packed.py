"""What becomes of the rows of a packed call: outcomes in blocks, each row's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from fnq_wire.arrow import Codec
from fnq_wire.column.text import MANY
from fnq_wire.pipe import Frame, Kind, read_json
from tests.unit.fnq_runner.agent import CODEC, ENDS, Agent, Start

KINDS = ["function", "coroutine"]
#: Encodes rows for a parameter a.
ROWS = Codec.of_parameters([("a", "either", True)]).rows


@dataclass
class Told:
    """What a runner told of a packed dispatch: row by row, and its end."""

    end: Frame
    blocks: int = 0
    values: list[Any] = field(default_factory=list)
    failures: dict[int, Any] = field(default_factory=dict)


def source(kind: str, body: str) -> str:
    """Return a module with a function f(a) of this kind."""
    return f"import asyncio, os, time\n{'async ' * (kind == 'coroutine')}def f(a):\n    {body}\n"


def dispatch(agent: Agent, rows: list[Any], first: int = 0, **facts: Any) -> bytes:
    """Dispatch rows; return the id of their call."""
    payload = ROWS.encode_columns([rows])
    return agent.dispatch(payload=payload, rows=len(rows), packed=True, first_row=first, **facts)


def told(agent: Agent, call: bytes, row: int = 0) -> Told:
    """Wait for the end of a packed call whose first outcome is that of `row`."""
    agent.frame(Kind.STARTED, call=call)
    found = Told(end=Frame(0, call, 0, 0, b""))
    while True:
        frame = agent.frame(Kind.CHUNK, *ENDS, call=call)
        assert frame.number == row + len(found.values)
        if frame.kind != Kind.CHUNK:
            found.end = frame
            return found
        block = CODEC.rows.read_block(frame.body, frame.number)
        found.failures |= {len(found.values) + at: it for at, it in block.failures.items()}
        found.values += block.values
        found.blocks += 1


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_has_its_outcome_and_quick_ones_share_a_block(start: Start, kind: str) -> None:
    """In their order, with one end after the last row."""
    agent = start(source(kind, "return a + 1"), kind=kind)
    found = told(agent, dispatch(agent, list(range(200))))
    assert found.values == list(range(1, 201))
    assert (found.end.kind, found.end.number) == (Kind.EXHAUSTED, 200)
    assert found.blocks < 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_raises_fails_alone(start: Start, kind: str) -> None:
    """Its envelope names type and message, and shows the user's frames only."""
    agent = start(source(kind, "return 6 / a"), kind=kind)
    found = told(agent, dispatch(agent, [1, 0, "x", 2]))
    assert (found.values, found.end.kind) == ([6.0, None, None, 3.0], Kind.EXHAUSTED)
    assert found.failures[1]["exception_type"] == "ZeroDivisionError"
    assert found.failures[2]["exception_type"] == "TypeError"
    assert "mod.py" in found.failures[1]["traceback"]
    assert "fnq_runner" not in found.failures[1]["traceback"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raised", ["SystemExit(3)", "KeyboardInterrupt()"])
def test_leaving_the_program_fails_the_row_alone(start: Start, kind: str, raised: str) -> None:
    """sys.exit() in a row is its failure; the next row runs."""
    body = f"if a: raise {raised}\n    return a"
    agent = start(source(kind, body), kind=kind)
    found = told(agent, dispatch(agent, [1, 0]))
    assert found.failures[0]["exception_type"] == raised.partition("(")[0]
    assert (found.values, found.end.kind) == ([None, 0], Kind.EXHAUSTED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_of_one_row_fails_as_a_whole(start: Start, kind: str) -> None:
    """So that it is repeated as any call whose attempt failed."""
    agent = start(source(kind, "return 6 / a"), kind=kind)
    found = told(agent, dispatch(agent, [0]))
    assert (found.blocks, found.end.kind) == (0, Kind.FAILED)
    assert read_json(found.end)["exception_type"] == "ZeroDivisionError"
    assert told(agent, dispatch(agent, [2])).values == [3.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_run_begins_at_the_row_it_is_told(start: Start, kind: str) -> None:
    """Positions are rows; where none is left only the end is told."""
    agent = start(source(kind, "return a"), kind=kind)
    found = told(agent, dispatch(agent, [5, 6, 7, 8], first=2), row=2)
    assert (found.values, found.end.number) == ([7, 8], 4)
    found = told(agent, dispatch(agent, [5, 6], first=2), row=2)
    assert (found.blocks, found.end.kind, found.end.number) == (0, Kind.EXHAUSTED, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_slow_rows_do_not_hold_back_the_outcomes_before_them(start: Start, kind: str) -> None:
    """A block goes out when its time is over, though rows are left."""
    wait = "await asyncio.sleep(a)" if kind == "coroutine" else "time.sleep(a)"
    agent = start(source(kind, f"{wait}\n    return a"), kind=kind)
    call = dispatch(agent, [0.12, 0.0, 600])
    first = agent.frame(Kind.CHUNK, call=call)
    assert CODEC.rows.read_block(first.body).values[0] == 0.12
    agent.cancel(call, "enough")
    found = agent.frame(*ENDS, call=call)
    assert read_json(found)["error"] == "CallCancelledError"


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancellation_ends_the_rows(start: Start, kind: str) -> None:
    """The one that runs is interrupted, and those after it do not begin."""
    wait = "await asyncio.sleep(600)" if kind == "coroutine" else "time.sleep(600)"
    body = f"os.write(1, b'row ')\n    {wait}"
    agent = start(source(kind, body), kind=kind, concurrency=1)
    call = dispatch(agent, [1, 2, 3])
    agent.frame(Kind.STARTED, call=call)
    agent.asleep()
    agent.cancel(call, "enough")
    assert read_json(agent.frame(*ENDS, call=call))["message"] == "enough"


def test_rows_of_an_async_function_run_together_up_to_its_concurrency(start: Start) -> None:
    """And their outcomes keep their order."""
    body = "now = f.now = getattr(f, 'now', 0) + 1\n    await asyncio.sleep(0.01 * (4 - a))\n"
    body += "    f.now -= 1\n    return (a, now)"
    agent = start(source("coroutine", body), kind="coroutine", concurrency=2)
    found = told(agent, dispatch(agent, [0, 1, 2, 3]))
    assert [row for row, _ in found.values] == [0, 1, 2, 3]
    assert max(now for _, now in found.values) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_cannot_be_sent_fails_its_row(start: Start, kind: str) -> None:
    """It cannot travel, or is too large."""
    agent = start(source(kind, "return 'x' * a if a else object()"), kind=kind)
    agent.grant(most=100_000)
    found = told(agent, dispatch(agent, [0, 200_000, 1]))
    assert found.values == [None, None, "x"]
    assert "'f' returned" in found.failures[0]["message"]
    errors = [found.failures[row]["error"] for row in (0, 1)]
    assert errors == ["SerializationError", "PayloadTooLargeError"]


def test_what_a_row_returned_is_what_it_was_then(start: Start) -> None:
    """A function that goes on with what it returned changes no outcome."""
    agent = start("kept = {'seen': []}\ndef f(a):\n    kept['seen'].append(a)\n    return kept\n")
    found = told(agent, dispatch(agent, [1, 2]))
    assert found.values == [{"seen": [1]}, {"seen": [1, 2]}]


def test_much_goes_out_in_several_blocks(start: Start) -> None:
    """No block grows far beyond what one frame carries."""
    agent = start(source("function", "return b'x' * a"))
    found = told(agent, dispatch(agent, [3_000_000] * 6))
    assert [len(value) for value in found.values] == [3_000_000] * 6
    assert found.blocks >= 3


@pytest.mark.parametrize("first", [0, 3])
def test_rows_of_a_function_that_declares_its_results_have_each_its_outcome(
    start: Start, first: int
) -> None:
    """They run without a look between them: also where some fail, or return something else."""
    lines = "    if a % 5 == 4: raise ValueError(a)\n    if a % 7 == 6: return [a, object]\n"
    lines += "    if a % 7 == 5: return [a]\n    return None if a % 7 == 3 else str(a) * (a % 3)\n"
    agent = start(f"def f(a) -> str:\n{lines}")
    found = told(agent, dispatch(agent, list(range(400)), first), first)
    rows = range(first, 400)
    bad = {n - first: "ValueError" for n in rows if n % 5 == 4}
    bad |= {n - first: "SerializationError" for n in rows if n % 5 != 4 and n % 7 == 6}
    told_of = {at: it["exception_type"] or it["error"] for at, it in found.failures.items()}
    assert told_of == bad
    wanted: list[Any] = [[n] if n % 7 == 5 else str(n) * (n % 3) for n in rows]
    wanted = [None if n % 7 == 3 else it for n, it in zip(rows, wanted, strict=True)]
    assert found.values == [None if at in bad else it for at, it in enumerate(wanted)]
    assert found.end.kind == Kind.EXHAUSTED


@pytest.mark.parametrize("other", ["''", "[0]", "None", "'\\ud800'", "1 / 0", "object()"])
def test_many_texts_have_each_the_outcome_that_few_have(start: Start, other: str) -> None:
    """They become a column as they come; also where one is something else, or fails."""
    agent = start(f"def f(a) -> str:\n    return {other} if a in (9_999, 17_000) else str(a)\n")
    few = told(agent, dispatch(agent, [9_999, 1]))
    many = told(agent, dispatch(agent, list(range(MANY + 3_000))))
    assert many.end.kind == Kind.EXHAUSTED
    wanted: list[Any] = list(map(str, range(MANY + 3_000)))
    wanted[9_999] = wanted[17_000] = few.values[0]
    assert many.values == wanted
    kinds = {at: it["exception_type"] or it["error"] for at, it in many.failures.items()}
    failed = few.failures.get(0)
    kind = failed and (failed["exception_type"] or failed["error"])
    assert kinds == (dict.fromkeys((9_999, 17_000), kind) if failed else {})


@pytest.mark.parametrize("annotation", ["", " -> int"])
def test_a_row_that_raises_stop_iteration_fails_alone(start: Start, annotation: str) -> None:
    """Though that ends any loop of Python's own, the rows after it run."""
    lines = "    if a in (3, 70, 99): next(iter(()))\n    return a\n"
    agent = start(f"def f(a){annotation}:\n{lines}")
    found = told(agent, dispatch(agent, list(range(100))))
    assert found.values == [None if a in (3, 70, 99) else a for a in range(100)]
    kinds = {at: it["exception_type"] for at, it in found.failures.items()}
    assert kinds == dict.fromkeys((3, 70, 99), "StopIteration")
    assert (found.end.kind, found.end.number) == (Kind.EXHAUSTED, 100)


def test_long_texts_of_a_function_that_declares_them_fill_blocks(start: Start) -> None:
    """No block grows far beyond what one frame carries."""
    agent = start("def f(a) -> str:\n    return 'x' * a\n")
    found = told(agent, dispatch(agent, [3_000_000] * 6))
    assert [len(value) for value in found.values] == [3_000_000] * 6
    assert found.blocks >= 2


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_a_row_of_a_generator_function_has_the_list_of_what_it_yields(
    start: Start, kind: str
) -> None:
    """One that raises on its way fails alone, and what it yielded is not told."""
    word = "async " * (kind == "async_generator")
    body = "for n in range(a):\n        yield n\n        if n == 2: raise ValueError('three')"
    agent = start(f"{word}def f(a):\n    {body}\n", kind=kind)
    found = told(agent, dispatch(agent, [0, 1, 5, 2]))
    assert (found.values, found.end.kind) == ([[], [0], None, [0, 1]], Kind.EXHAUSTED)
    assert found.failures[2]["exception_type"] == "ValueError"


def test_rows_know_their_call(start: Start) -> None:
    """get_call_context() works in each of them."""
    lines = "from chalkcompute import get_call_context\ndef f(a):\n"
    agent = start(lines + "    return get_call_context().call_id\n")
    found = told(agent, dispatch(agent, [1, 2, 3]))
    assert len(set(found.values)) == 1
    assert found.values[0]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_seem_to_kill_workers_run_and_are_told_one_by_one(
    start: Start, kind: str
) -> None:
    """So that those before the guilty one are done when it kills again."""
    agent = start(source(kind, "return 1 / a"), kind=kind, concurrency=4)
    found = told(agent, dispatch(agent, [1, 0, 2, 4], careful=True))
    assert (found.values, found.blocks) == ([1.0, None, 0.5, 0.25], 4)
    assert found.failures[1]["exception_type"] == "ZeroDivisionError"


def test_rows_of_several_calls_run_in_threads_and_one_that_is_given_up_tells_nothing_more(
    start: Start,
) -> None:
    """What cannot be interrupted ends for its caller at once; its neighbour goes on."""
    body = "import pathlib\n    while not pathlib.Path(a).exists(): time.sleep(0.01)\n"
    agent = start(source("function", f"{body}    return a"), concurrency=2)
    paths = [str(agent.path(name)) for name in ("one", "two")]
    stuck, goes_on = dispatch(agent, [paths[0], ""]), dispatch(agent, [paths[1], paths[1]])
    for call in (stuck, goes_on):
        agent.frame(Kind.STARTED, call=call)
    agent.cancel(stuck, "enough", interrupt=False)
    assert read_json(agent.frame(*ENDS, call=stuck))["message"] == "enough"
    for name in ("one", "two"):
        agent.path(name).touch()
    frame = agent.frame(Kind.CHUNK, call=goes_on)
    assert CODEC.rows.read_block(frame.body).values == [paths[1]] * 2
    assert agent.frame(*ENDS, call=goes_on).kind == Kind.EXHAUSTED
