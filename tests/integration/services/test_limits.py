"""A limit that many share: it is kept, nothing is wasted, and no permit is lost."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import worker_pb2
from fnq_core import keys
from fnq_core.connection import connect
from fnq_core.lease import LEASE_S
from fnq_core.limits import LimitBook
from fnq_core.permits import PermitDesk, Turn
from fnq_core.results import Mailboxes
from fnq_wire.policy import Policy
from tests.integration.services.house import House
from tests.loop import eventually
from tests.redis import RedisServer, ownerless
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import INBOX, VERSION, queue

pytestmark = pytest.mark.integration

LIMIT = "provider-api"
CONSUMERS, WORKERS = 4, 8
#: What the calls together may take longer than they must; what a witness may see above.
SLACK = 1.1


class Witness:
    """What the limit protects: counts the requests that are with it, and when each came."""

    def __init__(self, takes_s: float) -> None:
        self._takes_s = takes_s
        self.arrivals: list[float] = []
        self.most = self._now = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, in its time."""
        self.arrivals.append(asyncio.get_running_loop().time())
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._takes_s)
        self._now -= 1
        writer.write(b"done")
        writer.close()
        await writer.wait_closed()


class Caller(ToyAgent):
    """A worker whose function asks the witness; one call at a time."""

    def __init__(self, url: str, replica: int, witness: Path) -> None:
        super().__init__(url, VERSION, slots=1, replica=replica)
        self._witness = witness
        self._begun: set[bytes] = set()
        self._running: set[asyncio.Task[None]] = set()

    async def state(self, *reports: worker_pb2.Report) -> None:
        """Begin what was dispatched, and say what there is room for."""
        for call in self.runs.keys() - self._begun:
            self._begun.add(call)
            task = asyncio.get_running_loop().create_task(self._ask(self.runs[call]))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        await super().state(*reports)

    async def _ask(self, dispatch: worker_pb2.Dispatch) -> None:
        reader, writer = await asyncio.open_unix_connection(self._witness)
        assert await reader.read() == b"done"
        writer.close()
        await self.end(dispatch)


async def _stay(agent: ToyAgent, addresses: list[str]) -> None:
    """Keep an agent attached, as a real one does: to the next consumer when one is gone."""
    for address in itertools.cycle(addresses):
        try:
            await agent.attach(address)
            await agent.gone()
        except Exception as problem:  # noqa: BLE001 - whatever breaks a stream, it comes back
            print("the agent comes back:", problem)
        await agent.detach()


class Stamps:
    """When permits were granted, held and given back, on Redis' clock."""

    def __init__(self) -> None:
        self.starts: dict[bytes, int] = {}
        self.changes: list[tuple[int, int]] = []

    def record(self, turn: Callable[..., Any]) -> Callable[..., Any]:
        """Return a turn that is written down."""

        async def recorded(desk: PermitDesk, **said: Any) -> Turn:
            came: Turn = await turn(desk, **said)
            self.changes += [(came.now_us, -1)] * len(said.get("released", ()))
            new = {
                each.permit: each.from_us for each in came.grants if each.permit not in self.starts
            }
            self.changes += [(came.now_us, 1)] * len(new)
            self.starts |= new
            return came

        return recorded

    @property
    def most_held(self) -> int:
        """The most permits that were held at once: what comes back in a turn does so first."""
        now = most = 0
        for _, change in sorted(self.changes):
            now += change
            most = max(most, now)
        return most


def above(stamps: list[float], rate: float, least: int) -> float:
    """Return by how much the fullest window is above a rate, as a share; burst 1.

    Windows hold `least` stamps and more, and may hold one more than their length allows.
    """
    stamps = sorted(stamps)
    worst = 0.0
    for first in range(len(stamps)):
        for last in range(first + least - 1, len(stamps)):
            allowed = (stamps[last] - stamps[first]) * rate + 1
            worst = max(worst, (last - first + 1) / allowed - 1)
    return worst


@asynccontextmanager
async def workshop(policy: Policy, witness: Witness) -> AsyncIterator[RedisServer]:
    """Have consumers and workers that serve one function under a limit, in one process."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limit-")))
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.kill)
        await _prepare(redis, policy)
        asked = folder / "witness.sock"
        serving = await asyncio.start_unix_server(witness.serve, asked)
        stack.push_async_callback(serving.wait_closed)
        stack.callback(serving.close)
        addresses = []
        for number in range(CONSUMERS):
            made = service.consumer(redis, folder, f"c{number}")
            addresses.append((await stack.enter_async_context(made))[1])
        for number in range(WORKERS):
            agent = await stack.enter_async_context(Caller(redis.url, number, asked))
            await agent.attach(addresses[number % CONSUMERS])
        yield redis


async def _prepare(redis: RedisServer, policy: Policy) -> None:
    """Deploy the function, set the policy, and have an inbox that takes results."""
    await service.deploy(redis, VERSION, rate_limit_key=LIMIT)
    client = connect(redis.url)
    await LimitBook(client).set("default", LIMIT, policy)
    await Mailboxes(client).open(INBOX)
    await client.aclose()


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize(
    ("takes_s", "calls", "ideal_s"), [(0.06, 500, 500 / 50), (0.4, 50, 50 * 0.4 / 5)]
)
async def test_a_cap_and_a_rate_are_kept_and_used_up(
    monkeypatch: pytest.MonkeyPatch, takes_s: float, calls: int, ideal_s: float
) -> None:
    """Never above either by the permits' stamps, and done in little more than the ideal time.

    Once the rate is what holds the calls back, once the cap.
    """
    stamps, witness = Stamps(), Witness(takes_s)
    monkeypatch.setattr(PermitDesk, "turn", stamps.record(PermitDesk.turn))
    loop = asyncio.get_running_loop()
    async with workshop(Policy(5, 50.0, 1), witness) as redis:
        began = loop.time()
        queue(redis, calls)
        await eventually(lambda: redis.ask("XLEN", INBOX) == calls, 4 * ideal_s)
        took_s = loop.time() - began
        assert list(ownerless(redis)) == []
    rate = above([each / 1e6 for each in stamps.starts.values()], 50, 1)
    seen = above(witness.arrivals, 50, 50)
    print(f"{took_s:.2f} s for {ideal_s} s, {rate:.4f}, {seen:.4f}, {stamps.most_held}")
    assert len(stamps.starts) == len(witness.arrivals) == calls
    assert (stamps.most_held, round(rate, 3)) == (5, 0)
    assert witness.most <= 5
    assert seen <= SLACK - 1
    assert took_s <= SLACK * (ideal_s + takes_s)


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_holder_that_is_killed_gives_its_permit_back_within_its_lease(
    house: House,
) -> None:
    """So does one whose consumer is killed with it; its call runs again."""
    await _prepare(house.redis, Policy(max_concurrency=1))
    for name in ("c1", "c2"):
        await house.start(name)
    loop = asyncio.get_running_loop()
    async with (
        ToyAgent(house.redis.url, VERSION, slots=1) as dying,
        ToyAgent(house.redis.url, VERSION, slots=1) as living,
    ):
        await dying.attach(house.address("c1"))
        [first] = queue(house.redis)
        await eventually(lambda: first in dying.runs)
        await living.attach(house.address("c2"))
        [second] = queue(house.redis)
        waiters = keys.permit_queue("default", LIMIT)
        await eventually(lambda: house.redis.ask("ZCARD", waiters) == 1)
        assert living.runs == {}
        house.kill("c1")
        await dying.detach()
        killed_at = loop.time()
        await eventually(lambda: second in living.runs, LEASE_S + 2)
        assert loop.time() - killed_at <= LEASE_S + 0.5
        await living.end(living.runs[second])
        await eventually(lambda: first in living.runs, 2 * LEASE_S)
        await living.end(living.runs[first])
        await eventually(lambda: living.settled == [second, first])


@pytest.mark.slow
async def test_a_redis_that_is_killed_keeps_what_holds_and_what_waits(house: House) -> None:
    """Each call runs once, never more at once than the cap, and no permit is left."""
    await _prepare(house.redis, Policy(max_concurrency=2))
    await house.start("c1")
    permits = keys.permits("default", LIMIT)
    async with ToyAgent(house.redis.url, VERSION, slots=5) as agent:
        await agent.attach(house.address("c1"))
        calls = queue(house.redis, 6)
        await eventually(lambda: len(agent.runs) == 2)
        house.redis.kill()
        house.redis.start()
        for number in range(2, 7, 2):
            running = agent.runs.keys() - agent.published
            assert len(running) == 2
            await agent.end(*(agent.runs[call] for call in running))
            await eventually(lambda: len(agent.dispatched) == min(number + 2, 6))  # noqa: B023
        await eventually(lambda: len(agent.settled) == 6)
        assert [each.call.call for each in agent.dispatched] == calls
        await eventually(lambda: house.redis.ask("ZCARD", permits) == 0)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_consumers_that_are_killed_cost_no_permit_and_no_run(
    house: House,
) -> None:
    """Each call runs once, with never more at once than the cap, and all is given back."""
    await _prepare(house.redis, Policy(max_concurrency=3))
    names = ("c1", "c2", "c3")
    for name in names:
        await house.start(name)
    witness, calls = Witness(0.05), 200
    asked = Path(house.redis.url.removeprefix("unix://")).with_name("witness.sock")
    serving = await asyncio.start_unix_server(witness.serve, asked)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as staying:
        agents = [Caller(house.redis.url, number, asked) for number in range(6)]
        tasks = []
        for number, agent in enumerate(agents):
            await stack.enter_async_context(agent)
            addresses = [house.address(names[(number + k) % 3]) for k in range(3)]
            tasks.append(staying.create_task(_stay(agent, addresses)))
        queue(house.redis, calls)
        for name, count in (("c1", 50), ("c2", 120)):
            await eventually(lambda: house.redis.ask("XLEN", INBOX) >= count, 40)  # noqa: B023
            house.kill(name)
            await house.start(name)
        await eventually(lambda: house.redis.ask("XLEN", INBOX) == calls, 40)
        permits = keys.permits("default", LIMIT)
        await eventually(lambda: house.redis.ask("ZCARD", permits) == 0, 2 * LEASE_S)
        for task in tasks:
            task.cancel()
    serving.close()
    await serving.wait_closed()
    assert (witness.most, len(witness.arrivals)) == (3, calls)
