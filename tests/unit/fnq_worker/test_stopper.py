"""Code that is told to stop, and what it costs when it does not."""

from __future__ import annotations

import signal

import pytest

from fnq_wire.pipe import Kind
from fnq_worker import stopper
from tests.loop import eventually
from tests.unit.fnq_worker.bench import Bench


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for seconds."""
    monkeypatch.setattr(stopper, "_GRACE_S", 0.05)
    monkeypatch.setattr(stopper, "_ANSWER_S", 0.05)


def stubborn(b: Bench) -> bytes:
    """Cancel a running call that does not end."""
    call = b.dispatch("a")
    b.say(Kind.STARTED, call)
    b.bench.cancelled(call, "enough")
    return call


async def test_only_the_main_thread_of_a_runner_is_signalled() -> None:
    """Code in threads and on a loop would hear of nothing."""
    alone, threads, loop = Bench(), Bench(slots=2), Bench(slots=2, sync=False)
    for b in (alone, threads, loop):
        stubborn(b)
    await eventually(lambda: alone.runner.signals)
    assert not threads.runner.signals
    assert not loop.runner.signals


@pytest.mark.parametrize("sync", [True, False], ids=["threads", "a loop"])
async def test_a_runner_is_killed_only_where_it_cannot_leave_code_behind(sync: bool) -> None:
    """It is told to; one that does so in time lives, and its neighbours."""
    b = Bench(slots=2, sync=sync)
    first = stubborn(b)
    await eventually(lambda: b.runner.sent[-1].kind == Kind.ABANDON)
    b.say(Kind.FAILED, first)
    second = stubborn(b)
    await eventually(lambda: signal.SIGKILL in b.runner.signals)
    said = [(each.kind, each.call) for each in b.runner.sent if each.kind != Kind.DISPATCH]
    words = (Kind.CANCEL, Kind.ABANDON)
    assert said == [(word, call) for call in (first, second) for word in words]
    assert b.ended_with() == ["RemoteError", "CallCancelledError"]


async def test_a_runner_that_is_alone_with_one_call_is_killed_at_once() -> None:
    """There is no neighbour to be spared."""
    b = Bench()
    stubborn(b)
    await eventually(lambda: signal.SIGKILL in b.runner.signals)
    assert Kind.ABANDON not in [each.kind for each in b.runner.sent]
