"""Sync functions that run event loops of their own."""

from __future__ import annotations

import pytest

from fnq_wire.pipe import Kind, encode
from tests.unit.fnq_runner.agent import CODEC, Start, arguments
from tests.unit.fnq_runner.nest import Nest

SOURCE = """
import asyncio, chalkcompute
@chalkcompute.function
def g(a): ...
@chalkcompute.function
def gen(a): yield a
async def main(a):
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    value = {call}
    assert asyncio.current_task() is task
    assert asyncio.get_running_loop() is loop
    await asyncio.sleep(0)
    return value
@chalkcompute.function
def f(a):
    return asyncio.run(main(a))
"""


@pytest.mark.parametrize(
    "call", ["g(a)", "await g.aio(a)", "sum(await asyncio.gather(g.aio(a), g.aio(0)))"]
)
def test_a_loop_in_a_sync_function_makes_nested_calls(start: Start, call: str) -> None:
    """Bare or awaited, a nested call inside asyncio.run gives its value."""
    nest = Nest(start(SOURCE.format(call=call)), lambda a: a * 2)
    assert [run.value for run in nest.call(3, arguments(4))] == [8] * 3


@pytest.mark.parametrize("call", ["f(a - 1) + 1 if a else 0", "await f.aio(a - 1) + 1 if a else 0"])
def test_loops_in_calls_above_each_other_do_not_meet(start: Start, call: str) -> None:
    """A function that calls itself inside asyncio.run, six deep, through one slot."""
    nest = Nest(start(SOURCE.format(call=call)))
    assert nest.call(1, arguments(6))[0].value == 6
    assert nest.deepest == 6


def test_loops_whose_calls_end_in_any_order_do_not_meet(start: Start) -> None:
    """Two parked loops go on in the order in which their news come, each as itself."""
    agent = start(SOURCE.format(call="g(a)"))
    outer = agent.dispatch(1)
    first = agent.frame(Kind.SUBMIT).call
    inner = agent.dispatch(2, depth=1)
    second = agent.frame(Kind.SUBMIT).call
    for call, child in ((outer, first), (inner, second)):
        agent.say(encode(Kind.CHILD_VALUE, child, body=CODEC.encode_result(call)))
        assert agent.result(call).value == call


def test_a_stream_is_read_in_a_loop_of_a_sync_function(start: Start) -> None:
    """`async for` over a nested generator inside asyncio.run."""
    nest = Nest(start(SOURCE.format(call="[x async for x in gen(a)]")), range)
    assert nest.call(1, arguments(100))[0].value == list(range(100))


@pytest.mark.parametrize("wait", ["await asyncio.sleep(1000)", "g(a)", "await g.aio(a)"])
def test_a_loop_in_a_sync_function_is_interrupted(start: Start, wait: str) -> None:
    """Cancelling the call ends its loop, wherever that waits; the next call works."""
    call = f"print('in') or {wait if wait == 'g(a)' else '(' + wait + ')'} if a else 'here'"
    agent = start(SOURCE.format(call=call))
    running = agent.dispatch(1)
    agent.frame(Kind.LOG, call=running)
    agent.cancel(running)
    assert agent.result(running).failure["error"] == "CallCancelledError"
    assert agent.run(0).value == "here"
