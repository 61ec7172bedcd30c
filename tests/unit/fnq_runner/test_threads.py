"""Sync functions with several slots: each invocation in a thread of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_wire.pipe import Kind, encode
from tests.unit.fnq_runner.agent import Start
from tests.unit.fnq_runner.zygote import until

CALLS_G = """
import chalkcompute
@chalkcompute.function
def g(a): ...
"""


def test_several_slots_run_at_once(start: Start) -> None:
    """With concurrency 3 three calls meet at a barrier, in threads of their own."""
    source = """
    import threading
    barrier = threading.Barrier(3)
    def f(a):
        barrier.wait(10)
        return threading.get_ident()
    """
    agent = start(source, concurrency=3)
    calls = [agent.dispatch(0) for _ in range(6)]
    assert len({agent.result(call).value for call in calls}) >= 3


def test_a_thread_that_cannot_be_stopped_is_left_behind(start: Start) -> None:
    """Its end comes at once, nothing more begins, the neighbour finishes, the runner leaves."""
    source = """
    import time, os
    def f(a):
        print('in')
        while not os.path.exists(a): time.sleep(0.001)
        return 'done'
    """
    agent = start(source, concurrency=2)
    stop = agent.path("stop")
    stuck, neighbour = agent.dispatch("/nowhere"), agent.dispatch(str(stop))
    agent.frame(Kind.LOG, call=stuck)
    agent.frame(Kind.LOG, call=neighbour)
    agent.dispatch("/nowhere")
    agent.cancel(stuck)
    # First, so that nothing is sent in place of what ends.
    kinds = [agent.frame(Kind.RETIRING, Kind.FAILED, Kind.REVOKED).kind for _ in range(3)]
    assert kinds == [Kind.RETIRING, Kind.FAILED, Kind.REVOKED]
    late = agent.dispatch("/nowhere")
    assert agent.frame(Kind.REVOKED).call == late
    stop.touch()
    assert agent.result(neighbour).value == "done"
    assert agent.exited()["code"] == 0


def test_a_thread_that_is_left_behind_makes_no_more_calls(start: Start) -> None:
    """They would be nobody's: its call has ended."""
    source = (
        CALLS_G
        + """
import os, time
def f(a):
    print('in')
    while not os.path.exists(a): time.sleep(0.001)
    if 'go' in a: return 'done'
    try:
        g(1)
    except BaseException as problem:
        open(a + '.told', 'w').write(type(problem).__name__)
    time.sleep(60)
"""
    )
    agent = start(source, concurrency=2)
    stop, go, told = agent.path("stop"), agent.path("go"), agent.path("stop.told")
    stuck, neighbour = agent.dispatch(str(stop)), agent.dispatch(str(go))
    agent.frame(Kind.LOG, call=stuck)
    agent.frame(Kind.LOG, call=neighbour)
    agent.cancel(stuck)
    agent.ended(stuck)
    stop.touch()
    until(lambda: told.exists() and told.read_text() == "Interrupted")
    go.touch()
    assert agent.result(neighbour).value == "done"
    assert agent.exited()["code"] == 0
    assert not [each for each in agent._frames if each.kind == Kind.SUBMIT]


def test_a_thread_that_waits_for_a_call_is_stopped(start: Start) -> None:
    """With several slots a cancelled call that waits ends, and the runner stays."""
    agent = start(CALLS_G + "def f(a): return g(a) if a else 'here'", concurrency=2)
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT)
    agent.frame(Kind.LEND)
    agent.cancel(call)
    assert agent.frame(Kind.CHILD_CANCEL).call == child.call
    assert agent.result(call).failure["error"] == "CallCancelledError"
    assert agent.run(0).value == "here"


HIDES = {
    "function": """
def f(a):
    print('in')
    try:
        if a != 'neighbour': g(1)
    except BaseException:
        print('hidden')
        time.sleep(60)
    while not os.path.exists('go'): time.sleep(0.001)
    return 'done'
""",
    "coroutine": """
async def f(a):
    try:
        print('in')
        while not os.path.exists('go'): await asyncio.sleep(0.001)
        return 'done'
    except asyncio.CancelledError:
        print('hidden')
        await asyncio.sleep(60)
""",
}


@pytest.mark.parametrize("kind", HIDES)
def test_code_that_hides_that_it_was_stopped_is_left_behind_when_it_is_told(
    start: Start, tmp_path: Path, kind: str
) -> None:
    """Threads and coroutines: the call ends, its neighbour goes on, then the runner leaves."""
    source = CALLS_G + "import asyncio, os, time\n" + HIDES[kind]
    agent = start(source, kind=kind, concurrency=2, order={"cwd": str(tmp_path)})
    hiding, neighbour = agent.dispatch("hiding"), agent.dispatch("neighbour")
    agent.frame(Kind.LOG, call=hiding)
    agent.frame(Kind.LOG, call=neighbour)
    if kind == "function":
        agent.frame(Kind.SUBMIT)
    agent.cancel(hiding, "enough", interrupt=False)
    while agent.frame(Kind.LOG, call=hiding).body != b"hidden\n":
        continue
    agent.say(encode(Kind.ABANDON, hiding, 1))
    assert agent.frame(Kind.RETIRING, Kind.FAILED).kind == Kind.RETIRING
    assert agent.result(hiding).failure["message"] == "enough"
    agent.path("go").touch()
    assert agent.result(neighbour).value == "done"
    assert agent.exited()["code"] == 0
