"""Who comes back after a lease: what has begun anew meanwhile is not theirs to touch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fnq.v1 import result_pb2, worker_pb2
from fnq_consumer.consumer import Consumer
from fnq_core import keys
from fnq_core.lease import LEASE_S, Count
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue


class Pair(NamedTuple):
    """Two consumers with an agent each; the second one has another run of the first one's call."""

    first: Consumer
    early: ToyAgent
    second: Consumer
    late: ToyAgent
    old: worker_pb2.Dispatch
    new: worker_pb2.Dispatch


@asynccontextmanager
async def overtaken(
    redis: RedisServer, folder: Path, patch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    """Give a call whose first agent and consumer fell silent for longer than its lease."""
    async with (
        deployed(redis),
        service.consumer(redis, folder) as (first, here),
        service.consumer(redis, folder, "d") as (second, there),
        ToyAgent(redis.url, VERSION) as early,
        ToyAgent(redis.url, VERSION) as late,
    ):
        patch.setattr(first, "_search", _nothing)
        await early.attach(here)
        [call] = queue(redis)
        await eventually(lambda: call in early.runs)
        await late.attach(there)
        old = early.runs[call]
        leave_behind(redis, first, old.entry)
        await eventually(lambda: call in late.runs)
        yield Pair(first, early, second, late, old, late.runs[call])


async def _nothing(*_: object) -> None:
    """Stand for a consumer that is paused."""


def leave_behind(redis: RedisServer, owner: Consumer, entry: str) -> None:
    """Make the lease of an entry lapse."""
    idle_ms = int(LEASE_S * 1000) + 1
    redis.ask("XCLAIM", STREAM, keys.GROUP, owner.name, 0, entry, "IDLE", idle_ms, "JUSTID")


def holders(redis: RedisServer) -> list[tuple[str, Count]]:
    """Return owner and count of what is pending."""
    found: list[Any] = redis.ask("XPENDING", STREAM, keys.GROUP, "-", "+", 9)
    return [(owner.decode(), Count.of(counter)) for _, owner, _, counter in found]


async def test_a_run_that_was_overtaken_does_not_take_its_entry_back(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker of the newer run dies: its consumer still has the call to give again."""
    async with overtaken(server, tmp_path, monkeypatch) as p:
        stale = [(p.old.entry, Count(p.old.epoch, p.old.deaths))]
        assert await p.first._leases.renew(STREAM, p.first.name, stale) == [False]
        await p.late.report(p.new, lost=result_pb2.Failure(error="x"))
        await eventually(lambda: len(p.late.dispatched) == 2, LEASE_S / 2)
        assert (p.late.dispatched[1].epoch, p.late.dispatched[1].deaths) == (3, 1)


async def test_the_end_of_a_run_that_was_overtaken_leaves_the_entry_to_the_newer_one(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its agent may forget it, and the newer run is not taken for one of a call that is gone."""
    async with overtaken(server, tmp_path, monkeypatch) as p:
        await p.early.end(p.old)
        await eventually(lambda: p.old.call.call in p.early.settled)
        assert holders(server) == [(p.second.name, Count(2, 0))]
        assert server.ask("XLEN", STREAM) == 1
        await p.late.end(p.new)
        await eventually(lambda: p.new.call.call in p.late.settled)
        assert (holders(server), server.ask("XLEN", STREAM)) == ([], 0)


async def test_a_death_of_a_run_that_was_overtaken_begins_no_other(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its consumer forgets the call, which is another's."""
    async with overtaken(server, tmp_path, monkeypatch) as p:
        await p.early.report(p.old, lost=result_pb2.Failure(error="x"))
        await eventually(lambda: len(p.first.ledger) == 0)
        assert holders(server) == [(p.second.name, Count(2, 0))]
        assert p.early.dispatched == [p.old]


async def test_what_waited_for_room_when_it_was_overtaken_is_not_dispatched(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its consumer was paused, and learns of it with its next renewal."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION, slots=1) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        agent.slots = 0
        await agent.report(agent.runs[call], returned=True)
        waits = made.queue("default", VERSION)
        await eventually(lambda: waits.waiting)
        [[held]] = waits.waiting.values()
        server.ask("XCLAIM", STREAM, keys.GROUP, "other", 0, held.entry, "RETRYCOUNT", 3)
        await made._renew(waits)
        assert (waits.waiting, len(made.ledger)) == ({}, 0)
        assert holders(server) == [("other", Count(3, 0))]


async def test_an_agent_that_brings_a_newer_run_is_not_taken_for_the_older_one(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consumer that had that one acknowledges what it adopts."""
    async with overtaken(server, tmp_path, monkeypatch) as p:
        await p.late.detach()
        await p.late.attach(f"unix:{tmp_path}/c.sock")
        await eventually(lambda: holders(server) == [(p.first.name, Count(2, 0))])
        await p.late.end(p.new)
        await eventually(lambda: p.new.call.call in p.late.settled)
        assert server.ask("XLEN", STREAM) == 0
        assert len(p.first.ledger) == 0
