"""The session of a runner: ids, lineage, questions to the agent."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fnq_wire import callid, failure
from fnq_wire.pipe import Frame, Kind, encode, encode_json, read_json, read_submit
from tests.unit.fnq_runner.agent import CODEC, OTHER, SET, TAG, Agent, Start

SOURCE = """
import chalkcompute, os
@chalkcompute.function
def g(a): ...
@chalkcompute.function
def gen(a): yield a
{kind} f(a):
    return {call}
"""
KINDS = {"def": "function", "async def": "coroutine"}
both = pytest.mark.parametrize("kind", KINDS)


def runner(start: Start, call: str, kind: str = "def", **hello: Any) -> Agent:
    """Start a runner whose function makes `call`."""
    return start(SOURCE.format(kind=kind, call=call), kind=KINDS[kind], **hello)


def test_a_child_names_its_parent_and_its_time(start: Start) -> None:
    """A submission carries parent, epoch, depth, root, the version and what time is left."""
    agent = runner(start, "g(a)")
    root = bytes(15) + b"\x07"
    call = agent.dispatch(1, depth=5, epoch=3, root=root, remaining_ms=60_000)
    child = agent.frame(Kind.SUBMIT)
    info, _ = read_submit(child)
    assert (info.parent, child.epoch, child.number, info.root) == (call, 3, 6, root)
    assert 50_000 < info.remaining_ms <= 60_000
    assert (info.version, info.detached, info.repeatable) == (OTHER, False, False)


@both
def test_arguments_too_large_are_refused_before_they_are_sent(start: Start, kind: str) -> None:
    """The error names the argument, its size and the cap; nothing goes to the agent."""
    agent = runner(start, "g('x' * a)", kind)
    agent.grant(most=1000)
    failure = agent.run(2000).failure
    assert failure["exception_type"] == "PayloadTooLargeError"
    assert "the most is 1000" in failure["message"]
    assert 'argument "a" has 2' in failure["message"]
    agent.dispatch(1)
    assert len(read_submit(agent.frame(Kind.SUBMIT))[1]) < 1000


def test_a_child_of_a_root_names_it_as_root(start: Start) -> None:
    """Without a root of its own a call is the root of what it calls; no deadline stays none."""
    agent = runner(start, "g(a)")
    call = agent.dispatch(1)
    info, _ = read_submit(agent.frame(Kind.SUBMIT))
    assert (info.root, info.remaining_ms) == (call, 0)


def test_ids_of_children_come_from_the_range(start: Start) -> None:
    """Clock and offset, version, session tag and rising numbers are in each id."""
    agent = runner(start, "[gen(a), gen(a)] and 1")
    fields: dict[str, object] = {"offset_ms": 1_000_000, "first": 40, "count": 9, "most": 1 << 20}
    fields |= {"spool": "", "owner": "b" * 32}
    agent.say(encode_json(Kind.RANGE, fields, number=TAG + 1))
    before = int(time.time() * 1000)
    agent.run(1)
    ids = [callid.parse(agent.frame(Kind.SUBMIT).call) for _ in range(2)]
    assert [(each.function, each.session, each.seq) for each in ids] == [
        (0xDEF, TAG + 1, 40),
        (0xDEF, TAG + 1, 41),
    ]
    assert 999_000 < ids[0].ms - before < 1_060_000


def test_numbers_begin_again_after_the_last(start: Start) -> None:
    """Within the range, as others have the rest; the milliseconds keep ids apart."""
    agent = runner(start, "[gen(a), gen(a)] and 1")
    agent.grant(first=70, count=1)
    agent.run(1)
    assert [callid.parse(agent.frame(Kind.SUBMIT).call).seq for _ in range(2)] == [70, 70]


@both
def test_a_call_before_the_range_waits_for_it(start: Start, kind: str) -> None:
    """While the agent has no session yet a nested call waits, and goes out when it has."""
    agent = runner(start, "g(a)", kind, granted=False)
    call = agent.dispatch(1)
    agent.frame(Kind.STARTED)
    agent.asleep()
    assert agent.idle()
    agent.grant()
    child = agent.frame(Kind.SUBMIT)
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result(3)))
    assert agent.ended(call).value == 3


@both
def test_the_sixty_fifth_level_is_a_recursion_error(start: Start, kind: str) -> None:
    """A call with 63 above it cannot make another; nothing is submitted."""
    agent = runner(start, "g(a)", kind)
    assert agent.run(1, depth=63).failure["exception_type"] == "NestingTooDeepError"
    assert agent.idle()


@both
def test_a_deployed_function_is_looked_up(start: Start, kind: str) -> None:
    """from_name asks the agent, and calls what the answer names."""
    call = "chalkcompute.RemoteFunction.from_name('other', 2)(a)"
    agent = runner(start, call, kind)
    running = agent.dispatch(5)
    asked = agent.frame(Kind.REQUEST)
    assert read_json(asked) == {"verb": "lookup", "name": "other", "number": 2}
    target = {"version": "123" * 3, "name": "other", "kind": "function", "number": 2}
    parameters = [["a", "either", True]]
    found = {**target, "repeatable": False, "divergent": False, "set": 8, "parameters": parameters}
    agent.answer(asked, {"ok": found})
    child = agent.frame(Kind.SUBMIT)
    assert read_submit(child)[0].version == "123" * 3
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result(6)))
    assert agent.ended(running).value == 6


@both
def test_an_answer_that_is_a_failure_is_raised(start: Start, kind: str) -> None:
    """The error has the class and the text that the failure names."""
    agent = runner(start, "chalkcompute.RemoteFunction.from_name('other')(a)", kind)
    running = agent.dispatch(5)
    asked = agent.frame(Kind.REQUEST)
    assert read_json(asked)["number"] is None
    agent.answer(asked, {"failure": failure.make("NotFoundError", "no function 'other'")})
    found = agent.result(running).failure
    assert (found["exception_type"], found["message"]) == ("NotFoundError", "no function 'other'")


@both
def test_readiness_is_asked_of_the_agent(start: Start, kind: str) -> None:
    """wait_ready returns on the agent's word, and raises its failure."""
    agent = runner(start, "g.wait_ready(timeout=30)", kind)
    for answer, end in (({"ok": True}, Kind.VALUE), (refused(), Kind.FAILED)):
        running = agent.dispatch(5)
        asked = agent.frame(Kind.REQUEST)
        wanted = {"verb": "wait_ready", "name": "g", "version": OTHER, "timeout_s": 30}
        assert read_json(asked) == wanted
        agent.answer(asked, answer)
        assert agent.result(running).end.kind == end


def refused() -> dict[str, object]:
    """Return the answer that a function is not ready."""
    return {"failure": failure.make("NotReadyError", "its import failed")}


def test_an_agent_that_does_not_answer_is_not_waited_for(start: Start) -> None:
    """After the time-out and a grace the caller gets NotReadyError all the same."""
    agent = runner(start, "g.wait_ready(timeout=0.01)")
    found = agent.run(5).failure
    assert found["exception_type"] == "NotReadyError"
    assert "0.01" in found["message"]


def test_a_call_is_answered_by_the_set_it_was_made_in(start: Start) -> None:
    """Another set is asked for once, whatever calls run meanwhile; none means the latest."""
    agent = runner(start, "g(a)")
    mates = {"g": {"version": "fed" * 3, "kind": "function", "number": 2}}
    mates["g"] |= {"repeatable": False, "divergent": False}
    asked = 0
    for members, version in ((5, "fed" * 3), (SET, OTHER), (5, "fed" * 3), (0, OTHER)):
        agent.dispatch(1, set=members)
        frame = agent.frame(Kind.REQUEST, Kind.SUBMIT)
        if frame.kind == Kind.REQUEST:
            asked += 1
            assert read_json(frame) == {"verb": "mates", "set": 5}
            agent.answer(frame, {"ok": mates})
            frame = agent.frame(Kind.SUBMIT)
        info, _ = read_submit(frame)
        assert (info.version, info.set) == (version, members or SET)
        agent.say(encode(Kind.CHILD_VALUE, frame.call, body=CODEC.encode_result(1)))
        assert CODEC.decode_result(agent.frame(Kind.VALUE).body) == 1
    assert asked == 1


def test_a_name_outside_of_the_set_is_refused(start: Start) -> None:
    """A decorated function that was not deployed with this one is NotFoundError, with the names."""
    agent = runner(start, "g(a)", mates={})
    found = agent.run(5).failure
    assert found["exception_type"] == "NotFoundError"
    assert "'g'" in found["message"]


def test_a_forked_process_makes_no_calls(start: Start) -> None:
    """A child that user code forks is told so; the runner's own calls still work."""
    call = """pool(a)
def pool(a):
    import multiprocessing
    with multiprocessing.get_context('fork').Pool(1) as pool:
        return pool.map(child, [a])
def child(a):
    try: return g(a)
    except chalkcompute.ConnectionLostError as problem: return str(problem)
"""
    agent = runner(start, call)
    assert "forked" in agent.run(1).value[0]


def test_news_of_a_forgotten_call_are_dropped(start: Start) -> None:
    """Chunks and ends that come after a stream was closed disturb nothing."""
    agent = runner(start, "gen(a).close()")
    call = agent.dispatch(1)
    child: Frame = agent.frame(Kind.SUBMIT)
    assert agent.frame(Kind.CHILD_CANCEL).call == child.call
    agent.say(
        encode(Kind.CHILD_CHUNK, child.call, 0, 0, b"late"),
        encode(Kind.CHILD_EXHAUSTED, child.call),
    )
    assert agent.result(call).value is None
    assert agent.run(2).value is None


def test_a_packed_call_says_how_many_rows_it_has_and_goes_at_once(start: Start) -> None:
    """Whoever makes it may go on without waiting for it."""
    agent = start(
        """
        import time
        from chalkcompute import runtime

        def f(a):
            session = runtime.current_session()
            session.submit(session.resolve("g"), b"rows", rows=3, packed=True)
            time.sleep(600)
        """
    )
    agent.dispatch(1)
    info, payload = read_submit(agent.frame(Kind.SUBMIT))
    assert (info.rows, info.packed, info.repeatable, payload) == (3, True, True, b"rows")
