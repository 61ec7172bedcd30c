"""Sync functions: nested calls, lent slots, threads and interruption."""

from __future__ import annotations

from fnq_wire.pipe import Kind, encode, read_submit
from tests.unit.fnq_runner.agent import CODEC, OTHER, Start, arguments
from tests.unit.fnq_runner.nest import Nest

FIB = """
import chalkcompute
@chalkcompute.function
def f(a):
    return a if a < 2 else f(a - 1) + f(a - 2)
"""
CALLS_G = """
import chalkcompute, threading
@chalkcompute.function
def g(a): ...
@chalkcompute.function
def gen(a): yield a
"""


def test_a_function_calls_itself_through_one_slot(start: Start) -> None:
    """fib(10) finishes in one process with one slot, on one thread."""
    nest = Nest(start(FIB))
    (run,) = nest.call(1, arguments(10))
    assert run.value == 55
    assert nest.deepest == 9
    assert threads(nest.agent.pid) == 1


def test_many_roots_that_call_themselves_finish(start: Start) -> None:
    """200 roots through one slot, each with two calls below it, need one thread only."""
    source = FIB.replace("a if a < 2 else f(a - 1) + f(a - 2)", "a and f(a - 1) + f(a - 1) + 1")
    nest = Nest(start(source))
    runs = nest.call(200, arguments(1))
    assert [run.value for run in runs] == [1] * 200
    assert threads(nest.agent.pid) == 1


def test_a_nested_call_lends_the_slot_and_takes_it_back(start: Start) -> None:
    """Submission and loan go out together; the slot is taken back before code goes on."""
    agent = start(CALLS_G + "def f(a): return g(a) + 1")
    call = agent.dispatch(4, depth=3)
    assert agent.next().kind == Kind.STARTED
    reads = agent.reads
    child, lent = agent.next(), agent.next()
    assert agent.reads <= reads + 1
    assert (child.kind, child.epoch, child.number) == (Kind.SUBMIT, 1, 4)
    assert (lent.kind, lent.call, lent.epoch, lent.number) == (Kind.LEND, call, 1, 4)
    assert read_submit(child)[0].version == OTHER
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result(10)))
    taken = agent.next()
    assert (taken.kind, taken.call, taken.epoch) == (Kind.RECLAIM, call, 1)
    assert agent.ended(call).value == 11


def test_a_deeper_call_runs_while_another_waits(start: Start) -> None:
    """A dispatch that is not deeper stays queued while the slot is lent; a deeper one runs."""
    agent = start(CALLS_G + "def f(a): return g(a) if a else 'leaf'")
    first = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT)
    agent.frame(Kind.LEND)
    shallow, deep = agent.dispatch(0, depth=0), agent.dispatch(0, depth=1)
    assert agent.result(deep).value == "leaf"
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result("x")))
    assert agent.result(first).value == "x"
    assert agent.result(shallow).value == "leaf"


def test_a_stream_is_read_chunk_by_chunk(start: Start) -> None:
    """A sync function iterates over a nested generator's chunks and its end."""
    nest = Nest(start(CALLS_G + "def f(a): return [x for x in gen(a)]"), range)
    (run,) = nest.call(1, arguments(200))
    assert run.value == list(range(200))


def test_a_generator_can_read_itself(start: Start) -> None:
    """A sync generator that iterates over its own calls finishes in one slot."""
    source = """
    import chalkcompute
    @chalkcompute.function
    def f(a):
        if a:
            yield from f(a - 1)
        yield a
    """
    mates = {"f": {"version": "abc" + "0" * 61, "kind": "generator", "number": 1}}
    mates["f"] |= {"repeatable": False, "divergent": False}
    nest = Nest(start(source, kind="generator", mates=mates))
    (run,) = nest.call(1, arguments(5))
    assert run.chunks == [0, 1, 2, 3, 4, 5]


def test_a_failure_of_a_nested_call_is_raised_at_the_call(start: Start) -> None:
    """User code may catch it; left alone it becomes the failure of the caller."""

    def broken(a: int) -> int:
        raise ValueError(f"no {a}")

    source = (
        CALLS_G
        + """
def f(a):
    try:
        return g(a)
    except RuntimeError as problem:
        if a: return str(problem)
        raise
"""
    )
    agent = start(source)
    assert Nest(agent, broken).call(1, arguments(3))[0].value == "ValueError: no 3"
    failure = Nest(agent, broken).call(1, arguments(0))[0].failure
    assert (failure["exception_type"], failure["message"]) == ("ValueError", "no 0")


def test_a_thread_pool_makes_nested_calls(start: Start) -> None:
    """pool.map(other, xs) in a sync function works; its slot is lent once and taken back once."""
    source = (
        CALLS_G
        + """
from concurrent.futures import ThreadPoolExecutor
def f(a):
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(g, range(a)))
"""
    )
    nest = Nest(start(source), lambda a: a * 10)
    (run,) = nest.call(1, arguments(40))
    assert run.value == 10 * sum(range(40))
    kinds = [kind for kind, _ in nest.seen]
    assert kinds.count(Kind.LEND) == kinds.count(Kind.RECLAIM) >= 1


def test_a_function_maps_itself_over_a_thread_pool(start: Start) -> None:
    """With one slot and two levels of pools inside each other it finishes."""
    source = """
    import chalkcompute
    from concurrent.futures import ThreadPoolExecutor
    @chalkcompute.function
    def f(a):
        if a == 0:
            return 1
        with ThreadPoolExecutor(3) as pool:
            return sum(pool.map(f, [a - 1] * 3))
    """
    nest = Nest(start(source))
    (run,) = nest.call(1, arguments(3))
    assert run.value == 27
    assert all(info.parent != bytes(16) for info in nest.submitted)


def test_a_plain_thread_calls_on_behalf_of_its_invocation(start: Start) -> None:
    """A thread that a function starts makes children of its call, and knows the call."""
    source = (
        CALLS_G
        + """
def f(a):
    seen = []
    def work(): seen.append(g(chalkcompute.get_call_context().call_id))
    thread = threading.Thread(target=work); thread.start(); thread.join()
    return seen[0]
"""
    )
    agent = start(source)
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT)
    assert read_submit(child)[0].parent == call
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result("done")))
    assert agent.result(call).value == "done"


def test_a_sleeping_call_is_interrupted(start: Start) -> None:
    """time.sleep ends at once when the call is cancelled, and cleanup code runs in peace."""
    source = """
    import time
    def f(a):
        try:
            if a: print('asleep'); time.sleep(1000)
            return 'awake'
        finally:
            print('cleaned')
    """
    agent = start(source)
    call = agent.dispatch(1)
    agent.frame(Kind.LOG)
    agent.cancel(call, "enough")
    assert agent.frame(Kind.LOG, call=call).body == b"cleaned\n"
    failure = agent.result(call).failure
    assert (failure["error"], failure["message"]) == ("CallCancelledError", "enough")
    assert agent.run(0).value == "awake"


def test_a_signal_interrupts_only_the_call_it_is_for(start: Start) -> None:
    """One for a call that has ended changes nothing for the one that runs."""
    source = """
    import time
    def f(a):
        print('here')
        until = time.monotonic() + a
        while time.monotonic() < until: time.sleep(0.001)
        return 'whole'
    """
    agent = start(source)
    ended = agent.run(0)
    call = agent.dispatch(0.2)
    agent.frame(Kind.LOG, call=call)
    agent.cancel(ended.call)
    assert agent.result(call).value == "whole"


def test_an_interruption_that_a_finalizer_swallows_is_repeated(start: Start) -> None:
    """Nothing is raised out of a finalizer: the next signal interrupts what comes after it."""
    source = """
    import time
    class Slow:
        def __del__(self):
            print('in')
            time.sleep(1000)
    def f(a):
        Slow()
        time.sleep(1000)
    """
    agent = start(source)
    call = agent.dispatch(1)
    agent.frame(Kind.LOG, call=call)
    agent.cancel(call)
    assert agent.result(call).failure["error"] == "CallCancelledError"


def test_a_call_that_waits_for_another_is_interrupted(start: Start) -> None:
    """Cancelling it raises in the bare call, and the nested call is cancelled."""
    agent = start(CALLS_G + "def f(a): return g(a)")
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT)
    agent.cancel(call)
    assert agent.frame(Kind.CHILD_CANCEL).call == child.call
    assert agent.result(call).failure["error"] == "CallCancelledError"


def test_a_call_under_another_is_interrupted_alone(start: Start) -> None:
    """Cancelling the one that runs on a lent slot leaves the lender as it was."""
    source = (
        CALLS_G
        + """
import time
def f(a):
    if a: return g(a)
    print('asleep'); time.sleep(1000)
"""
    )
    agent = start(source)
    lender = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT)
    deep = agent.dispatch(0, depth=1)
    agent.frame(Kind.LOG, call=deep)
    agent.cancel(deep)
    assert agent.result(deep).failure["error"] == "CallCancelledError"
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result(8)))
    assert agent.result(lender).value == 8


def test_what_has_not_begun_is_revoked_or_cancelled(start: Start) -> None:
    """Queued dispatches go without having started; those that run are not revoked."""
    source = "import sys\ndef f(a):\n    print('in')\n    return sys.stdin.close() or wait(a)\n"
    source += "def wait(a):\n    import os\n    while a and not os.path.exists(a): pass\n"
    agent = start(source)
    stop = agent.path("stop")
    running = agent.dispatch(str(stop))
    agent.frame(Kind.LOG, call=running)
    revoked, cancelled, last = (agent.dispatch("") for _ in range(3))
    agent.say(encode(Kind.REVOKE, running, 1), encode(Kind.REVOKE, revoked, 1))
    agent.cancel(cancelled, interrupt=False)
    stop.touch()
    assert agent.frame(Kind.REVOKED).call == revoked
    assert agent.ended(cancelled).failure["error"] == "CallCancelledError"
    assert agent.result(running).value is None
    assert agent.result(last).value is None


def test_a_drained_runner_finishes_and_leaves(start: Start) -> None:
    """What runs ends, what is queued is revoked, exit handlers run, the exit code is 0."""
    source = CALLS_G + "import atexit\natexit.register(print, 'bye')\ndef f(a): return g(a)"
    agent = start(source)
    call = agent.dispatch(1)
    child = agent.frame(Kind.SUBMIT)
    queued = agent.dispatch(1)
    agent.say(encode(Kind.DRAIN))
    assert agent.frame(Kind.REVOKED).call == queued
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result(8)))
    assert agent.result(call).value == 8
    assert agent.frame(Kind.LOG).body == b"bye\n"
    assert agent.exited() == {"exited": agent.token, "pid": agent.pid, "code": 0, "signal": None}


def test_a_call_dispatched_again_replaces_its_twin(start: Start) -> None:
    """A second dispatch of a running call cancels the first run and runs itself."""
    source = """
    import time
    def f(a):
        print('in')
        time.sleep(a)
        return 'second'
    """
    agent = start(source)
    call = agent.dispatch(1000)
    agent.frame(Kind.LOG)
    agent.dispatch(0, call=call, epoch=2)
    agent.interrupt()
    first = agent.ended(call)
    assert (first.end.epoch, first.failure["error"]) == (1, "CallCancelledError")
    second = agent.ended(call)
    assert (second.end.epoch, second.value) == (2, "second")


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    with open(f"/proc/{pid}/status") as file:
        return int(next(line.split()[1] for line in file if line.startswith("Threads:")))
