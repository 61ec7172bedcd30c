"""What user code prints, and where it goes."""

from __future__ import annotations

import pytest

from fnq_wire.pipe import Kind
from tests.unit.fnq_runner.agent import MATES, Agent, Start, arguments
from tests.unit.fnq_runner.nest import Nest

PRINTS = {
    "print('a', 1)": (1, b"a 1\n"),
    "print('x', file=sys.stderr)": (2, b"x\n"),
    "sys.stdout.write('no end')": (1, b"no end"),
    "sys.stdout.writelines(['1\\n', '2\\n'])": (1, b"1\n2\n"),
    "print('\\udc80 \\u00e9')": (1, b"\\udc80 \xc3\xa9\n"),
    "sys.stdout.buffer.write('é'.encode()[:1]); sys.stdout.buffer.write('é'.encode()[1:])": (
        1,
        "é".encode(),
    ),
    "logging.warning('w')": (2, b"WARNING:root:w\n"),
    "log.error('e')": (2, b"e\n"),
    "warnings.warn('care')": (2, b"UserWarning: care"),
}
SOURCE = """
import logging, sys, warnings, threading, asyncio
log = logging.getLogger('mine')
log.addHandler(logging.StreamHandler())
log.propagate = False
{kind} f(a):
    {body}
"""


@pytest.mark.parametrize("body", PRINTS)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_a_call_prints_is_its_own(start: Start, kind: str, body: str) -> None:
    """Prints, writes, logs and warnings become frames of the call, before its end."""
    wanted = "function" if kind == "def" else "coroutine"
    agent = start(SOURCE.format(kind=kind, body=body), kind=wanted)
    run = agent.run(1)
    number, text = PRINTS[body]
    assert text in printed(agent, run.call, number)


def printed(agent: Agent, call: bytes, number: int) -> bytes:
    """Return what came for one of a call's streams."""
    texts: list[bytes] = []
    while not agent.idle():
        frame = agent.next()
        if (frame.kind, frame.call, frame.number) == (Kind.LOG, call, number):
            texts.append(frame.body)
    return b"".join(texts)


def test_lines_of_calls_at_once_do_not_mix(start: Start) -> None:
    """Unfinished lines of one call wait for its own rest, whatever others print."""
    source = """
    import asyncio
    async def f(a):
        for part in ('one ', 'two ', 'three'):
            print(part, a, end=' ')
            await asyncio.sleep(0)
        print()
    """
    agent = start(source, kind="coroutine", concurrency=9)
    calls = [agent.dispatch(number) for number in range(3)]
    for number, call in enumerate(calls):
        line = f"one  {number} two  {number} three {number} \n"
        assert agent.frame(Kind.LOG, call=call).body == line.encode()


def test_threads_print_for_the_call_that_started_them(start: Start) -> None:
    """A thread's lines are its invocation's."""
    body = "t = threading.Thread(target=print, args=('t',)); t.start(); t.join()"
    agent = start(SOURCE.format(kind="def", body=body))
    call = agent.dispatch(1)
    assert agent.frame(Kind.LOG, call=call).body == b"t\n"


def test_what_the_module_prints_belongs_to_no_call(start: Start) -> None:
    """Lines of the import come with no call, before READY."""
    agent = start("print('importing')\ndef f(a): ...", ready=False)
    frame = agent.next()
    assert (frame.kind, frame.call, frame.body) == (Kind.LOG, bytes(16), b"importing\n")
    assert agent.next().kind == Kind.READY


def test_what_is_written_to_descriptors_stays_there(start: Start) -> None:
    """C code and children write to the real 1 and 2, which the agent reads."""
    source = """
    import os, subprocess, sys
    def f(a):
        os.write(1, b'raw')
        subprocess.run(['echo', ' child'], stdout=sys.stdout, check=True)
        os._exit(0)
    """
    agent = start(source)
    agent.dispatch(1)
    agent.exited()
    assert agent.printed() == b"raw child\n"


def test_a_forked_process_prints_to_the_descriptors(start: Start) -> None:
    """A child that multiprocessing forks neither hangs nor disturbs the pipe."""
    source = """
    import multiprocessing
    def work(x):
        print('in child', flush=True)
        return x * x
    def f(a):
        with multiprocessing.get_context('fork').Pool(2) as pool:
            return pool.map(work, range(a))
    """
    agent = start(source)
    run = agent.run(5)
    assert run.value == [0, 1, 4, 9, 16]
    assert agent.run(2).value == [0, 1]


def test_a_flood_of_prints_waits_for_its_reader(start: Start) -> None:
    """An agent that does not read stops the printing code; nothing is lost then."""
    source = """
    import resource
    def f(a):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(a):
            print(number, 'x' * 1000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    """
    agent = start(source)
    call = agent.dispatch(20_000)
    agent.frame(Kind.STARTED)
    agent.asleep()
    numbers = [int(agent.frame(Kind.LOG).body.split()[0]) for _ in range(20_000)]
    assert numbers == list(range(20_000))
    assert agent.ended(call).value < 8 * 1024


def test_a_long_line_is_cut_into_frames(start: Start) -> None:
    """A megabyte without an end of line arrives whole, in pieces, without being kept back."""
    agent = start("def f(a): print('x' * a, end='')")
    call = agent.dispatch(1 << 20)
    pieces = [agent.frame(Kind.LOG, call=call).body for _ in range(16)]
    assert b"".join(pieces) == b"x" * (1 << 20)
    assert agent.result(call).value is None


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_finalizers_may_print_and_forget_streams_anywhere(start: Start, kind: str) -> None:
    """The collector runs them within the runner's own code, which holds its locks."""
    source = """
    import chalkcompute, gc
    gc.set_threshold(1)
    @chalkcompute.function
    def g(a): ...
    @chalkcompute.function
    def gen(a): yield a
    class Cycle:
        def __init__(self, a): self.me, self.stream = self, gen(a)
        def __del__(self): print('forgotten')
    """
    source += f"{kind} f(a):\n        for n in range(a): print(g(n)); Cycle(n)"
    mates = {**MATES, "gen": {**MATES["gen"], "version": "012" * 3}}
    agent = start(source, kind="function" if kind == "def" else "coroutine", mates=mates)
    nest = Nest(agent, lambda a: a)
    assert nest.call(1, arguments(100))[0].value is None
    kinds = [kind for kind, _ in nest.seen]
    assert kinds.count(Kind.LOG) > 150
    assert kinds.count(Kind.CHILD_CANCEL) > 50
