"""What becomes of one call: values, chunks, failures."""

from __future__ import annotations

import pytest

from fnq_wire.arrow import Codec
from fnq_wire.pipe import Kind
from tests.unit.fnq_runner.agent import CODEC, VERSION, Start

KINDS = {
    "function": "def f(a):\n    {}",
    "coroutine": "async def f(a):\n    {}",
    "generator": "def f(a):\n    yield 'one'\n    {}",
    "async_generator": "async def f(a):\n    yield 'one'\n    {}",
}


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_function_returns_its_value(start: Start, kind: str) -> None:
    """A value comes back equal, in one frame at position 0."""
    run = start(KINDS[kind].format("return [a, {'x': a}]"), kind=kind).run(7)
    assert (run.value, run.end.number, run.end.epoch) == ([7, {"x": 7}], 0, 1)


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_a_generator_gives_its_chunks_and_an_end(start: Start, kind: str) -> None:
    """Each yield is a chunk with its position; the end counts them."""
    run = start(KINDS[kind].format("yield a"), kind=kind).run(7)
    assert run.chunks == ["one", 7]
    assert (run.end.kind, run.end.number) == (Kind.EXHAUSTED, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_ends_the_call_where_it_came(start: Start, kind: str) -> None:
    """The failure names type and message, and comes after the chunks before it."""
    run = start(KINDS[kind].format("a / 0"), kind=kind).run(7)
    assert run.chunks == ["one"] * ("generator" in kind)
    assert run.end.number == len(run.chunks)
    assert run.failure["error"] == "RemoteError"
    assert run.failure["exception_type"] == "ZeroDivisionError"
    assert run.failure["message"] == "division by zero"


@pytest.mark.parametrize("kind", KINDS)
def test_a_traceback_shows_the_users_code_only(start: Start, kind: str) -> None:
    """No frame of the runner's is in the remote traceback."""
    run = start(KINDS[kind].format("a / 0"), kind=kind).run(7)
    assert "mod.py" in run.failure["traceback"]
    assert "fnq_runner" not in run.failure["traceback"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_too_large_fails_its_call(start: Start, kind: str) -> None:
    """The failure names its size and the cap; the chunks before it count, the runner lives."""
    verb = "yield" if "generator" in kind else "return"
    agent = start(KINDS[kind].format(f"{verb} 'x' * a"), kind=kind)
    agent.grant(most=1000)
    run = agent.run(2000)
    assert run.chunks == ["one"] * (verb == "yield")
    assert run.end.number == len(run.chunks)
    assert run.failure["error"] == "PayloadTooLargeError"
    assert f"'f' {verb}" in run.failure["message"]
    assert "has 2" in run.failure["message"]
    assert "the most is 1000" in run.failure["message"]
    assert agent.run(1).end.kind in (Kind.VALUE, Kind.EXHAUSTED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raised", ["SystemExit(3)", "KeyboardInterrupt()"])
def test_leaving_the_program_fails_the_call_alone(start: Start, kind: str, raised: str) -> None:
    """sys.exit() in a call is its failure; the runner takes the next call."""
    agent = start(KINDS[kind].format(f"if a: raise {raised}"), kind=kind)
    assert agent.run(1).failure["exception_type"] == raised.partition("(")[0]
    assert agent.run(0).end.kind in (Kind.VALUE, Kind.EXHAUSTED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_cannot_travel_fails_the_call(start: Start, kind: str) -> None:
    """The failure is a SerializationError that names the function and the type."""
    verb = "yield" if "generator" in kind else "return"
    run = start(KINDS[kind].format(f"{verb} object()"), kind=kind).run(1)
    assert run.failure["error"] == "SerializationError"
    assert "'f'" in run.failure["message"]
    assert "object" in run.failure["message"]


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_arguments_that_are_no_payload_fail_the_call(start: Start, kind: str) -> None:
    """Garbage in place of a payload is a SerializationError, and the runner goes on."""
    agent = start(KINDS[kind].format("return a"), kind=kind)
    assert agent.run(payload=b"garbage").failure["error"] == "SerializationError"
    assert agent.run(2).value == 2


def test_keyword_arguments_arrive_by_name(start: Start) -> None:
    """What the caller passed by keyword is passed by keyword."""
    agent = start("def f(a, *, b=2, **c): return [a, b, c]")
    codec = Codec.of_parameters([("a", "either", True), ("c", "var_keyword", False)])
    payload = codec.encode_arguments((1,), {"z": 3})
    assert agent.run(payload=payload).value == [1, 2, {"z": 3}]


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_call_has_started_before_its_code_runs(start: Start, kind: str) -> None:
    """A function that kills its process was seen to start, or it would be run for ever."""
    agent = start(KINDS[kind].format("import os; os._exit(9)"), kind=kind)
    call = agent.dispatch(1)
    assert agent.frame(Kind.STARTED, call=call).epoch == 1
    assert agent.exited()["code"] == 9


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_code_can_ask_which_call_it_serves(start: Start, kind: str) -> None:
    """get_call_context() tells id, version, attempt, time left, parent, root and depth."""
    body = (
        "from chalkcompute import get_call_context as g; c = g();"
        " return [c.call_id, c.function, c.version, c.attempt, c.remaining() < 5,"
        " c.parent_call_id, c.root_call_id, c.depth]"
    )
    agent = start(KINDS[kind].format(body), kind=kind)
    parent, root = bytes(15) + b"\x01", bytes(15) + b"\x02"
    run = agent.run(1, depth=2, attempt=4, remaining_ms=5000, parent=parent, root=root)
    shown, *rest = run.value
    assert shown.replace("-", "") == run.call.hex()
    zeros = "00000000-0000-0000-0000-00000000000"
    assert rest == ["f", VERSION, 4, True, zeros + "1", zeros + "2", 2]


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_a_generator_waits_for_credit_in_its_yield(start: Start, kind: str) -> None:
    """It emits up to its window, stops, goes on by as much as it is granted, and is told so."""
    source = (
        "n = 0\n" + KINDS[kind].split("\n")[0] + "\n"
        "    global n\n"
        "    for n in range(1, 9):\n"
        "        print(n)\n"
        "        yield n"
    )
    agent = start(source, kind=kind)
    call = agent.dispatch(0, window=2)
    for wanted in (2, 5):
        for _ in range(wanted if wanted == 2 else 3):
            last = agent.frame(Kind.CHUNK, call=call)
        assert CODEC.decode_result(last.body) == wanted
        agent.run_out(call)
        agent.credit(call, 5 if wanted == 2 else 100)
    assert agent.frame(Kind.EXHAUSTED, call=call).number == 8


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_a_generator_stops_at_the_bytes_of_its_window(start: Start, kind: str) -> None:
    """The chunk that exceeds the window is the last until more bytes are granted."""
    source = KINDS[kind].format("for _ in range(3): yield b'x' * 10_000")
    agent = start(source, kind=kind)
    call = agent.dispatch(0, window_bytes=11_500)
    assert [agent.frame(Kind.CHUNK, call=call).number for _ in range(3)] == [0, 1, 2]
    agent.run_out(call)
    agent.credit(call, 100, 1 << 20)
    assert agent.frame(Kind.EXHAUSTED, call=call).number == 4


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_a_generator_without_a_window_does_not_begin(start: Start, kind: str) -> None:
    """Credit that arrives before the first chunk counts."""
    agent = start(KINDS[kind].format("yield a"), kind=kind)
    call = agent.dispatch(5, window=0)
    agent.frame(Kind.STARTED, call=call)
    agent.run_out(call)
    agent.credit(call, 9)
    assert agent.frame(Kind.EXHAUSTED, call=call).number == 2


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_a_cancelled_generator_cleans_up(start: Start, kind: str) -> None:
    """One that waits in `yield` runs its `finally`, and its end is CallCancelledError."""
    source = KINDS[kind].format("try: yield 2\n    finally: print('cleaned')")
    agent = start(source, kind=kind)
    call = agent.dispatch(5, window=2)
    agent.frame(Kind.CHUNK, call=call)
    agent.frame(Kind.CHUNK, call=call)
    agent.cancel(call, "not wanted")
    assert agent.frame(Kind.LOG, call=call).body == b"cleaned\n"
    run = agent.ended(call)
    assert (run.failure["error"], run.failure["message"]) == ("CallCancelledError", "not wanted")
    assert agent.run(1).chunks == ["one", 2]


@pytest.mark.parametrize("kind", ["generator", "async_generator"])
def test_what_goes_wrong_in_a_cleanup_is_printed(start: Start, kind: str) -> None:
    """A generator that raises while it is closed says so on stderr; its end stays the same."""
    source = KINDS[kind].format("try: yield 2\n    finally: 1 / 0")
    agent = start(source, kind=kind)
    call = agent.dispatch(5, window=2)
    agent.frame(Kind.CHUNK, call=call)
    agent.frame(Kind.CHUNK, call=call)
    agent.cancel(call)
    run = agent.ended(call)
    assert run.failure["error"] == "CallCancelledError"
    assert b"ZeroDivisionError" in agent.logged(call)


def test_the_end_of_a_call_and_the_start_of_the_next_are_one_write(start: Start) -> None:
    """What waits to be written is written with what follows at once."""
    agent = start("def f(a): return a")
    calls = [agent.dispatch(number) for number in range(50)]
    last = agent.result(calls[-1])
    assert last.value == 49
    assert agent.reads < 90
