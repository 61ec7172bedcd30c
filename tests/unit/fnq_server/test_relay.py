"""Runs that nobody waits for, credits, and what a server keeps in its inbox."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fnq.v1 import result_pb2, worker_pb2
from fnq_core import keys
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy.way import Way, way


def _again(way: Way, run: worker_pb2.Dispatch) -> worker_pb2.Dispatch:
    """Return the same call as its next run, of which its consumer knows."""
    held = way.consumer.ledger.get(run.call.call)
    assert held is not None
    held.count = held.count._replace(epoch=run.epoch + 1)
    again = worker_pb2.Dispatch()
    again.CopyFrom(run)
    again.epoch += 1
    return again


async def test_a_run_that_may_not_go_on_is_stopped(server: RedisServer, tmp_path: Path) -> None:
    """Without credit it would wait in its yield for ever, and hold its slot."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        await w.agent.chunks(run, 0, b"a")
        await eventually(lambda: heard.chunks == [b"a"])
        await w.agent.chunks(_again(w, run), 0, b"a")
        end = await heard.over()
        assert end.failure.error == "WorkerLostError"
        assert "set retries=" in end.failure.message
        await eventually(lambda: [call for call, _ in w.agent.cancelled] == [heard.call])
        assert heard.chunks == [b"a"]


async def test_a_repeated_run_that_differs_is_stopped(server: RedisServer, tmp_path: Path) -> None:
    """Its caller hears that, and no chunk of it."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run(repeatable=True)
        await w.agent.chunks(run, 0, b"a", b"b")
        await eventually(lambda: len(heard.chunks) == 2)
        await w.agent.chunks(_again(w, run), 0, b"a", b"x", b"y")
        assert (await heard.over()).failure.error == "StreamDivergedError"
        await eventually(lambda: w.agent.cancelled)
        assert heard.chunks == [b"a", b"b"]


async def test_a_late_twin_is_not_heard(server: RedisServer, tmp_path: Path) -> None:
    """Not its chunks, and not its end."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run(repeatable=True)
        again = _again(w, run)
        await w.agent.chunks(again, 0, b"a")
        await w.agent.chunks(run, 0, b"x", b"y")
        await w.agent.exhaust(run, 2)
        await w.agent.chunks(again, 1, b"b")
        await w.agent.exhaust(again, 2)
        assert (await heard.over()).exhausted
        assert heard.chunks == [b"a", b"b"]


async def test_a_cancelled_run_is_stopped(server: RedisServer, tmp_path: Path) -> None:
    """Its caller hears the end at once; what the run still says goes nowhere."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        await w.agent.started(run)
        track = w.server._relay.get(heard.call)
        await eventually(lambda: track is not None and track.consumer)
        w.client.cancel(heard)
        assert (await heard.over()).failure.error == "CallCancelledError"
        await eventually(lambda: w.agent.cancelled == [(heard.call, "enough")])
        await w.agent.chunks(run, 0, b"late")
        await w.agent.exhaust(run, 1)
        await eventually(lambda: server.ask("XLEN", run.call.inbox) == 0)
        assert (heard.chunks, heard.more) == ([], 0)


@pytest.mark.parametrize("known", [True, False])
async def test_a_call_that_waits_for_another_attempt_is_taken_out(
    server: RedisServer, tmp_path: Path, known: bool
) -> None:
    """Its caller's end comes at once, whether or not it is known who has it; none begins."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run(repeatable=True)
        if known:
            await w.agent.started(run)
            track = w.server._relay.get(heard.call)
            await eventually(lambda: track is not None and track.consumer)
        await w.agent.fail(run, 60_000)
        await eventually(lambda: w.agent.settled)
        w.client.cancel(heard)
        assert (await heard.over()).failure.error == "CallCancelledError"
        await eventually(lambda: server.ask("XLEN", run.stream) == 0)
        assert server.ask("EXISTS", keys.dues(run.stream)) == 0
        await w.consumer._renew(w.consumer.queue("default", w.version))
        await eventually(lambda: len(w.consumer.ledger) == 0)
        assert len(w.agent.dispatched) == 1


async def test_a_run_that_was_cancelled_before_it_began_is_stopped_when_it_does(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nobody knew whom to tell before."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        w.client.cancel(heard)
        await heard.over()
        assert w.agent.cancelled == []
        await w.agent.started(run)
        await eventually(lambda: w.agent.cancelled == [(heard.call, "enough")])


async def test_a_run_that_begins_before_its_caller_heard_of_its_end_is_stopped(
    server: RedisServer, tmp_path: Path
) -> None:
    """The call has ended, and the client has not said yet that it knows."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        w.client.deafen()
        track = w.server._relay.get(heard.call)
        assert track is not None
        w.server._relay.cancel(track, "enough")
        await w.agent.started(run)
        await eventually(lambda: w.agent.cancelled == [(heard.call, "enough")])


async def test_a_run_of_a_forgotten_call_is_stopped_when_it_shows_itself(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its cancellation got lost with a consumer; whoever adopts it says that it runs."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        await w.agent.started(run)
        track = w.server._relay.get(heard.call)
        await eventually(lambda: track is not None and track.consumer)
        w.client.cancel(heard)
        await eventually(lambda: w.server._relay.in_flight == 0)
        await eventually(lambda: w.agent.cancelled)
        w.agent.cancelled.clear()
        await w.agent.detach()
        await w.agent.attach(w.workers)
        await w.agent.started(run)
        await eventually(lambda: [call for call, _ in w.agent.cancelled] == [heard.call])


async def test_credit_reaches_the_run(server: RedisServer, tmp_path: Path) -> None:
    """Also where it was given before anybody knew who runs the call, and again to an heir."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        w.client.credit(heard, 70)
        track = w.server._relay.get(heard.call)
        await eventually(lambda: track is not None and track.credit is not None)
        await w.agent.started(run)
        await eventually(lambda: [each.chunks for each in w.agent.credits] == [70])
        w.client.credit(heard, 90)
        await eventually(lambda: [each.chunks for each in w.agent.credits] == [70, 90])
        await w.agent.detach()
        await w.agent.attach(w.workers)
        await w.agent.started(run)
        await eventually(lambda: [each.chunks for each in w.agent.credits[2:3]] == [90])


async def test_acknowledged_chunks_leave_the_inbox(server: RedisServer, tmp_path: Path) -> None:
    """However long the stream: the inbox holds what is on its way."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        for position in range(300):
            await w.agent.chunks(run, position, b"x")
        await eventually(lambda: len(heard.chunks) == 300)
        # Acknowledgements travel with something that goes anyway.
        w.client.credit(heard, 999)
        await eventually(lambda: server.ask("XLEN", run.call.inbox) == 0)
        track = w.server._relay.get(heard.call)
        assert track is not None
        assert len(track.unacknowledged) <= 1
        await w.agent.exhaust(run, 300)
        assert (await heard.over()).exhausted


async def test_many_calls_leave_nothing(server: RedisServer, tmp_path: Path) -> None:
    """No entry in any stream, no track, no entry held."""
    async with way(server, tmp_path) as w:
        w.agent._echo = True
        w.agent.slots = 500
        heard = [w.client.submit(w.version) for _ in range(900)]
        for each in heard:
            assert (await each.over(30)).value.inline == each.call
        await eventually(lambda: w.server._relay.in_flight == 0 and len(w.consumer.ledger) == 0)
        await eventually(
            lambda: all(
                server.ask("XLEN", key) == 0
                for pattern in ("*calls*", "*inbox*", "*control*")
                for key in server.names(pattern)
            )
        )
        assert all(each.more == 0 for each in heard)


async def test_a_result_that_is_damaged_ends_its_call(server: RedisServer, tmp_path: Path) -> None:
    """Its run is stopped; other calls of the server go on, and the log shows no payload."""
    with capture_logs() as logs:
        async with way(server, tmp_path) as w:
            heard, run = await w.run()
            other, _ = await w.run()
            await w.agent.started(run)
            await eventually(lambda: w.server._relay.get(heard.call).consumer)  # type: ignore[union-attr]
            result = result_pb2.Result(call=heard.call, epoch=1)
            result.chunks.add(inline=b"what it yields")
            inbox = run.call.inbox
            entry = server.ask("XADD", inbox, "*", "e", result.SerializeToString()[:-3])
            end = await heard.over()
            assert end.failure.error == "ProtocolError"
            assert entry.decode() in end.failure.message
            await eventually(lambda: [call for call, _ in w.agent.cancelled] == [heard.call])
            await w.agent.end(w.agent.runs[other.call])
            assert (await other.over()).value.inline == other.call
            await eventually(lambda: server.ask("XLEN", inbox) == 0)
    [said] = [each for each in logs if each["log_level"] == "error"]
    assert (said["inbox"], said["entry"]) == (inbox, entry.decode())
    assert "what it yields" not in str(logs)


async def test_what_is_no_result_is_deleted(server: RedisServer, tmp_path: Path) -> None:
    """A server that comes back after it would read it again."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        server.ask("XADD", run.call.inbox, "*", "e", b"\xff" * 40)
        await w.agent.end(run)
        assert (await heard.over()).value.inline == heard.call
        await eventually(lambda: server.ask("XLEN", run.call.inbox) == 0)
