"""Three nodes under load: drained, killed, redeployed and scaled; no call is lost."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import site
from tests.cluster.load import Load, Marked
from tests.livestack import wait_until
from tests.site import NODES, Site

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

#: Seconds that a call takes, and from one call to the next: one worker can do it.
CALL_S, EVERY_S = 0.2, 0.3
#: Workers under load: one on each node.
WORKERS = 3
#: Seconds for workers to be there, and for Nomad to have done what it was told.
SOON_S = 90.0
#: Seconds that a call takes at most whose worker, consumer and server are told to end, and
#: that one takes beyond the start of a worker where it finds none.
MOVED_S = 8.0
#: Seconds after which a machine that is gone counts as dead, and what a busy one adds.
LOST_S = 25.0 + 8.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[Site]:
    """Two servers and three consumers on three nodes."""
    if why := site.lacking():
        pytest.skip(why)
    with site.site() as made:
        made.up()
        yield made


def test_servers_and_consumers_are_on_different_nodes(nodes: Site) -> None:
    """The loss of one node costs one of each at most, once they are placed anew after another."""
    for job, count in {"server": 2, "consumer": 3}.items():
        nodes.command("job", "stop", f"fnq-{job}")
        nodes.run(job)
        nodes.await_healthy(job, count)
    assert Counter(nodes.running("fnq-consumer").values()) == Counter(NODES)
    assert len(set(nodes.running("fnq-server").values())) == 2


def test_a_worker_is_served_by_the_consumer_of_its_node(nodes: Site, tmp_path: Path) -> None:
    """Its calls and results do not cross the network once more than they must.

    Where a node was lost before, one of the others has two consumers.
    """
    function = Marked(nodes, tmp_path, "near", WORKERS, WORKERS)
    job = function.deploy()
    function.await_workers(WORKERS)
    served = attached(nodes, job)
    workers = Counter(nodes.running(job).values())
    assert served.total() == workers.total() == WORKERS
    assert all(served[node] >= workers[node] for node in served)


def test_a_drained_node_hands_its_work_over(nodes: Site, tmp_path: Path) -> None:
    """With a server, a consumer and workers on it; each call runs once."""
    function = Marked(nodes, tmp_path, "drained", WORKERS, WORKERS)
    job = function.deploy()
    function.await_workers(WORKERS)
    with function.called(CALL_S, EVERY_S) as load:
        node = node_of(nodes, load, job)
        nodes.drain(node)
        assert not any(
            node in nodes.running(each).values() for each in (job, "fnq-server", "fnq-consumer")
        )
        function.await_workers(WORKERS)
    nodes.admit(node)
    assert load.lost == []
    assert repeated(function) == []
    assert load.slowest_s < MOVED_S
    report("drain", load)


def test_a_node_without_power_takes_no_call_along(nodes: Site, tmp_path: Path) -> None:
    """With a server, a consumer and workers on it; nobody is told, all find out."""
    function = Marked(nodes, tmp_path, "powered", WORKERS, WORKERS)
    job = function.deploy()
    function.await_workers(WORKERS)
    with function.called(CALL_S, EVERY_S) as load:
        node = node_of(nodes, load, job)
        nodes.nodes[node].lose_power()
        wait_until("Nomad knows", lambda: node not in nodes.ready(), SOON_S)
        function.await_workers(WORKERS)
    nodes.revive(node)
    assert load.lost == []
    assert load.slowest_s < LOST_S
    report("power", load)


@pytest.mark.parametrize("name", ["stopped", "purged"])
def test_a_job_that_was_stopped_by_hand_comes_back(nodes: Site, tmp_path: Path, name: str) -> None:
    """Also one that was removed; what its workers run they finish, the rest runs in new ones."""
    function = Marked(nodes, tmp_path, name, 2, 2)
    job = function.deploy()
    function.await_workers(2)
    before = nodes.running(job).keys()
    with function.called(CALL_S, EVERY_S) as load:
        began = time.monotonic()
        nodes.command("job", "stop", "-detach", f"-purge={name == 'purged'}".lower(), job)
        wait_until("it is back", lambda: len(nodes.running(job).keys() - before) == 2, SOON_S)
        function.await_workers(2)
        back_s = time.monotonic() - began
    assert load.lost == []
    assert repeated(function) == []
    assert load.slowest_s < back_s + MOVED_S
    report(name, load)


def test_a_redeploy_under_load_ends_the_old_version(nodes: Site, tmp_path: Path) -> None:
    """Calls go to the new one from some moment on, those from before end on the old one."""
    function = Marked(nodes, tmp_path, "renewed", 2, 2)
    old = function.deploy(1)
    function.await_workers(2)
    with function.called(CALL_S, EVERY_S) as load:
        function.deploy(2)
        wait_until("the old version has no worker", lambda: not nodes.running(old), SOON_S)
    assert load.lost == []
    assert repeated(function) == []
    sources = [each.source for each in load.calls]
    assert sources == sorted(sources)
    assert set(sources) == {1, 2}
    assert load.slowest_s < MOVED_S
    report("redeploy", load)


def test_workers_follow_the_load_and_none_is_stopped_at_work(nodes: Site, tmp_path: Path) -> None:
    """From 0 to 5 and back to 0; each worker is told to end after its last call had ended."""
    function = Marked(nodes, tmp_path, "followed", 0, 5)
    job = function.deploy()
    wait_until("no worker", lambda: not nodes.running(job), SOON_S)
    with function.called(2.0, 0.38) as load:
        wait_until("five workers", lambda: len(nodes.running(job)) == 5, SOON_S)
    wait_until("no worker again", lambda: not nodes.running(job), SOON_S)
    assert load.lost == []
    assert repeated(function) == []
    wait_until("all have ended", lambda: states(nodes, job) == {"complete"}, SOON_S)
    told = {each["ID"]: told_to_end(each) for each in nodes.allocations(job)}
    early = [
        turn for turn in function.turns() if not (turn.ended and turn.ended < told[turn.allocation])
    ]
    assert early == []
    report("scale", load)


def node_of(nodes: Site, load: Load, job: str) -> str:
    """Return the node of the caller's server, which has a consumer and workers, too."""
    [node] = [
        name for name, node in nodes.nodes.items() if load.server.startswith(node.machine.address)
    ]
    for each in ("fnq-consumer", job):
        assert node in nodes.running(each).values()
    return node


def attached(nodes: Site, job: str) -> Counter[str]:
    """Return to how many workers of a job the consumers of each node say that they are attached."""
    found: Counter[str] = Counter()
    for consumer, node in nodes.running("fnq-consumer").items():
        text = nodes.command("alloc", "logs", "-stderr", consumer)
        events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        agents = {
            each["agent"]
            for each in events
            if each["event"] == "an agent attached" and job.endswith(each["version"][:8])
        }
        found[node] += len(agents)
    return found


def states(nodes: Site, job: str) -> set[str]:
    """Return the states of all allocations of a job, by their nodes."""
    return {each["ClientStatus"] for each in nodes.allocations(job)}


def told_to_end(allocation: dict[str, Any]) -> float:
    """Return when the worker of an allocation was told to end, in seconds since 1970."""
    [state] = allocation["TaskStates"].values()
    [told] = [each["Time"] for each in state["Events"] if each["Type"] == "Killing"]
    return float(told) / 1e9


def repeated(function: Marked) -> list[int]:
    """Return the calls that began more than once."""
    counts = Counter(turn.number for turn in function.turns())
    return [number for number, count in counts.items() if count > 1]


def report(what: str, load: Load) -> None:
    """Say how it went, for who reads what passed."""
    took_s = max(each.ended for each in load.calls) - load.calls[0].sent
    print(
        f"{what}: {len(load.calls)} calls in {took_s:.0f} s, "
        f"the slowest took {load.slowest_s:.1f} s"
    )
