"""Async functions: one loop, bare calls that do not stop it, cancellation."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from fnq_wire.pipe import Kind, encode, read_submit
from tests.unit.fnq_runner.agent import CODEC, VERSION, Agent, Start, arguments
from tests.unit.fnq_runner.nest import Nest

CALLS = """
import asyncio, chalkcompute, threading, time
@chalkcompute.function
def g(a): ...
@chalkcompute.function
def gen(a): yield a
"""
ASYNC: dict[str, Any] = {"kind": "coroutine", "concurrency": 1000}


def answer(agent: Agent, child: bytes, value: object) -> None:
    """End a nested call."""
    agent.say(encode(Kind.CHILD_VALUE, child, body=CODEC.encode_result(value)))


def test_five_hundred_invocations_wait_in_bare_calls_on_one_thread(start: Start) -> None:
    """Each makes two bare calls; the process has one thread and the loop is never late."""
    source = (
        CALLS
        + """
import os
late, beats, beating = 0.0, 0, None
async def beat():
    global late, beats
    while True:
        before = time.process_time()
        await asyncio.sleep(0.005)
        late, beats = max(late, time.process_time() - before), beats + 1
async def f(a):
    global beating
    beating = beating or asyncio.create_task(beat())
    first = g(a)
    threads = len(os.listdir("/proc/self/task"))
    return [g(first), threads, late, beats]
"""
    )
    nest = Nest(start(source, **ASYNC), lambda a: a + 1, slots=1000)
    runs = nest.call(500, arguments(5))
    assert [run.value[0] for run in runs] == [7] * 500
    assert {run.value[1] for run in runs} == {1}
    # In CPU time: how long others keep the machine busy is not the loop's doing.
    assert runs[-1].value[3] > 0
    assert max(run.value[2] for run in runs) < 0.1
    kinds = [kind for kind, _ in nest.seen]
    assert kinds.count(Kind.LEND) == kinds.count(Kind.RECLAIM) == 1000


def test_calls_that_come_at_once_leave_turns_of_the_loop_to_what_else_is_on_it(
    start: Start,
) -> None:
    """Of two hundred a few begin in each turn."""
    source = """
import asyncio
turn = 0
counting = None
async def count():
    global turn
    while True:
        turn += 1
        await asyncio.sleep(0)
async def f():
    global counting
    counting = counting or asyncio.create_task(count())
    return turn
"""
    agent = start(source, **ASYNC)
    agent.run()
    with agent.together():
        calls = [agent.dispatch() for _ in range(200)]
    turns = Counter(agent.result(call).value for call in calls)
    assert turns.total() == 200
    assert max(turns.values()) <= 16


def test_an_async_function_calls_itself_through_one_slot(start: Start) -> None:
    """fib(9) by bare calls in a coroutine finishes with concurrency 1."""
    source = """
    import chalkcompute
    @chalkcompute.function
    async def f(a):
        return a if a < 2 else f(a - 1) + f(a - 2)
    """
    nest = Nest(start(source, kind="coroutine"))
    assert nest.call(1, arguments(9))[0].value == 34


FORMS = {
    "bare": "g(a)",
    "in a helper": "helper(a)",
    "aio": "await g.aio(a)",
    "in a task": "await asyncio.create_task(bare(a))",
    "gathered": "sum(await asyncio.gather(bare(a), bare(a))) // 2",
    "in a thread": "await asyncio.to_thread(g, a)",
    "timed": "await asyncio.wait_for(bare(a), 10)",
    "in an executor": "await asyncio.get_running_loop().run_in_executor(None, g, a)",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_nested_call_can_be_made_in_every_form(start: Start, form: str) -> None:
    """Bare, awaited, in helpers, tasks and threads a nested call gives its value."""
    source = (
        CALLS
        + f"""
def helper(a): return g(a)
async def bare(a): return g(a)
async def f(a):
    return {FORMS[form]}
"""
    )
    nest = Nest(start(source, **ASYNC), lambda a: a * 2, slots=1000)
    assert [run.value for run in nest.call(3, arguments(21))] == [42] * 3
    assert {info.parent for info in nest.submitted} == {n.to_bytes(16, "big") for n in (1, 2, 3)}


def test_a_task_group_of_bare_calls_waits_together(start: Start) -> None:
    """Five bare calls in five tasks are all submitted before any of them is answered."""
    source = (
        CALLS
        + """
async def one(a): return g(a)
async def f(a):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(n)) for n in range(a)]
    return [task.result() for task in tasks]
"""
    )
    agent = start(source, **ASYNC)
    call = agent.dispatch(5)
    children = [agent.frame(Kind.SUBMIT).call for _ in range(5)]
    for number, child in reversed(list(enumerate(children))):
        answer(agent, child, number)
    assert agent.result(call).value == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("loop", ["for x in gen(a)", "async for x in gen(a)"])
def test_a_stream_is_read_without_stopping_the_loop(start: Start, loop: str) -> None:
    """Both loops over a nested generator give its chunks; another call runs between two."""
    source = (
        CALLS
        + f"""
async def f(a):
    if a == 0: return 'other'
    seen = []
    {loop}: seen.append(x)
    return seen
"""
    )
    agent = start(source, **ASYNC)
    call = agent.dispatch(3)
    child = agent.frame(Kind.SUBMIT).call
    for number in range(3):
        agent.say(encode(Kind.CHILD_CHUNK, child, 0, number, CODEC.encode_result(number)))
        assert agent.run(0).value == "other"
    agent.say(encode(Kind.CHILD_EXHAUSTED, child))
    assert agent.result(call).value == [0, 1, 2]


def test_a_nested_stream_is_granted_more_as_it_is_read(start: Start) -> None:
    """Half a window read means credit for as much again."""
    source = CALLS + "async def f(a): return len([x async for x in gen(a)])"
    agent = start(source, **ASYNC)
    call = agent.dispatch(64)
    child = agent.frame(Kind.SUBMIT).call
    for number in range(32):
        agent.say(encode(Kind.CHILD_CHUNK, child, 0, number, CODEC.encode_result(number)))
    granted = agent.frame(Kind.CHILD_CREDIT)
    assert (granted.call, granted.number) == (child, 96)
    agent.say(encode(Kind.CHILD_EXHAUSTED, child))
    assert agent.result(call).value == 32


def test_the_examples_of_the_specification_run(start: Start) -> None:
    """`wait_ready`, `async for` over one function and a bare call of another, in a generator."""
    source = (
        CALLS
        + """
async def f(a):
    g.wait_ready()
    async for x in gen(a):
        yield {"x": x, "g": g(x)}
"""
    )
    agent = start(source, kind="async_generator")
    call = agent.dispatch(2)
    asked = agent.frame(Kind.REQUEST)
    agent.answer(asked, {"ok": True})
    child = agent.frame(Kind.SUBMIT).call
    chunk = [encode(Kind.CHILD_CHUNK, child, 0, n, CODEC.encode_result(n)) for n in (0, 1)]
    agent.say(*chunk, encode(Kind.CHILD_EXHAUSTED, child))
    for number in (0, 1):
        answer(agent, agent.frame(Kind.SUBMIT).call, number * 10)
    assert agent.result(call).chunks == [{"x": 0, "g": 0}, {"x": 1, "g": 10}]


@pytest.mark.parametrize("wait", ["g(a)", "await g.aio(a)", "await asyncio.to_thread(g, a)"])
def test_cancelling_reaches_the_nested_call(start: Start, wait: str) -> None:
    """CancelledError is raised where the call waits, and the nested call is cancelled."""
    source = (
        CALLS
        + f"""
async def f(a):
    try: {wait}
    except asyncio.CancelledError: print('cancelled'); raise
"""
    )
    agent = start(source, **ASYNC)
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT).call
    agent.frame(Kind.LEND)
    agent.cancel(call, "stop")
    assert agent.frame(Kind.CHILD_CANCEL).call == child
    assert agent.frame(Kind.LOG, call=call).body == b"cancelled\n"
    failure = agent.result(call).failure
    assert (failure["error"], failure["message"]) == ("CallCancelledError", "stop")


def test_a_task_that_waits_in_a_bare_call_can_be_cancelled_by_its_owner(start: Start) -> None:
    """task.cancel() and timeouts work on a bare call; the invocation goes on."""
    source = (
        CALLS
        + """
async def bare(a): return g(a)
async def f(a):
    try: await asyncio.wait_for(bare(a), 0.01)
    except TimeoutError: return 'late'
"""
    )
    agent = start(source, **ASYNC)
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT).call
    assert agent.frame(Kind.CHILD_CANCEL).call == child
    assert agent.result(call).value == "late"


def test_a_sleeping_coroutine_is_cancelled(start: Start) -> None:
    """asyncio.sleep ends at once; a neighbour does not notice."""
    source = CALLS + "async def f(a):\n    print('in')\n    await asyncio.sleep(a); return 'whole'"
    agent = start(source, **ASYNC)
    neighbour, call = agent.dispatch(0.05), agent.dispatch(1000)
    agent.frame(Kind.LOG, call=call)
    agent.cancel(call)
    assert agent.result(call).failure["error"] == "CallCancelledError"
    assert agent.result(neighbour).value == "whole"


def test_a_call_cancelled_before_its_first_step_has_an_end(start: Start) -> None:
    """Dispatch and cancellation in one read: started, and ended as cancelled."""
    agent = start("async def f(a): return a", **ASYNC)
    call = bytes(15) + b"\x05"
    with agent.together():
        agent.dispatch(1, call=call)
        agent.cancel(call, interrupt=False)
    assert agent.ended(call).failure["error"] == "CallCancelledError"


def test_leaving_the_program_in_a_task_fails_its_invocation_alone(start: Start) -> None:
    """SystemExit in a task of the user's reaches who awaits it, and the loop goes on."""
    source = (
        CALLS
        + """
async def leave(): raise SystemExit(4)
async def f(a):
    if a: await asyncio.create_task(leave())
    return 'here'
"""
    )
    agent = start(source, **ASYNC)
    assert agent.run(1).failure["exception_type"] == "SystemExit"
    assert agent.run(0).value == "here"


def test_stopping_the_loop_does_not_stop_the_runner(start: Start) -> None:
    """loop.stop() in user code is survived."""
    source = CALLS + "async def f(a):\n    asyncio.get_running_loop().stop(); return a"
    agent = start(source, **ASYNC)
    assert [agent.run(n).value for n in (1, 2)] == [1, 2]


def test_a_task_that_outlives_its_call_makes_root_calls(start: Start) -> None:
    """What it calls has no parent that has ended."""
    source = (
        CALLS
        + """
async def later(): await asyncio.sleep(0.01); g(1)
async def f(a):
    global task
    task = asyncio.create_task(later())
"""
    )
    agent = start(source, **ASYNC)
    agent.run(1)
    child = agent.frame(Kind.SUBMIT)
    assert read_submit(child)[0].parent == bytes(16)
    assert (read_submit(child)[0].root, child.number) == (child.call, 0)


def test_a_drained_loop_finishes_and_leaves(start: Start) -> None:
    """Running calls end, later dispatches are revoked, the exit code is 0."""
    agent = start(CALLS + "async def f(a): return g(a)", **ASYNC)
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT).call
    agent.say(encode(Kind.DRAIN))
    late = agent.dispatch(1)
    assert agent.frame(Kind.REVOKED).call == late
    answer(agent, child, 9)
    assert agent.result(call).value == 9
    assert agent.exited()["code"] == 0


def test_what_comes_behind_a_drain_is_given_back(start: Start) -> None:
    """However much that is: the runner leaves when all of it is answered."""
    agent = start("async def f(a): return a", **ASYNC)
    with agent.together():
        agent.say(encode(Kind.DRAIN))
        late = [agent.dispatch(1) for _ in range(20)]
    assert [agent.frame(Kind.REVOKED).call for _ in late] == late
    assert agent.exited()["code"] == 0


def test_dispatches_beyond_concurrency_wait(start: Start) -> None:
    """With concurrency 2 the third call begins when one of the two has ended."""
    source = (
        CALLS
        + """
gate = asyncio.Event()
async def f(a):
    if a: gate.set()
    await gate.wait()
    return a
"""
    )
    agent = start(source, kind="coroutine", concurrency=2)
    first, second, third = agent.dispatch(0), agent.dispatch(0), agent.dispatch(0)
    agent.frame(Kind.STARTED, call=first)
    agent.frame(Kind.STARTED, call=second)
    agent.cancel(second)
    agent.frame(Kind.STARTED, call=third)
    agent.cancel(third)
    assert agent.ended(second).failure["error"] == agent.ended(third).failure["error"]
    assert agent.run(1).value == 1
    assert agent.ended(first).value == 0


def test_a_loop_of_the_users_own_in_a_thread_makes_calls(start: Start) -> None:
    """asyncio.run in a thread may await a nested call."""
    source = (
        CALLS
        + """
async def inner(a): return await g.aio(a)
async def f(a): return await asyncio.to_thread(asyncio.run, inner(a))
"""
    )
    nest = Nest(start(source, **ASYNC), lambda a: a + 1, slots=9)
    assert nest.call(1, arguments(1))[0].value == 2


def test_a_call_in_a_callback_of_the_loop_blocks_and_answers(start: Start) -> None:
    """Where there is no coroutine to suspend a bare call waits on the spot."""
    source = (
        CALLS
        + """
async def f(a):
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: future.set_result(g(a)))
    return await future
"""
    )
    nest = Nest(start(source, **ASYNC), lambda a: a + 1, slots=9)
    assert nest.call(1, arguments(1))[0].value == 2


def test_versions_of_mates_are_those_of_the_set(start: Start) -> None:
    """A function that calls itself calls its own version."""
    source = CALLS + "@chalkcompute.function\nasync def f(a): return a and f(a - 1)"
    nest = Nest(start(source, **ASYNC))
    nest.call(1, arguments(2))
    assert {info.version for info in nest.submitted} == {VERSION}
