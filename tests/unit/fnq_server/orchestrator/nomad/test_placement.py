"""Why no node takes a worker, from what Nomad and its nodes say."""

from __future__ import annotations

from typing import Any

import pytest

from fnq_server.orchestrator.nomad.lack import Lack
from fnq_server.orchestrator.nomad.placement import Ask, Node, judge, unplaced
from tests.unit.fnq_server.orchestrator.nomad.recorded import blocked, job, node

MEMORY: dict[str, Any] = {"DimensionExhausted": {"memory": 1}, "NodesExhausted": 1}


def _judged(asked: dict[str, Any], metric: dict[str, Any], *nodes: dict[str, Any]) -> Lack:
    found = unplaced([blocked(**metric)])
    assert found is not None
    return judge(Ask.of(job(**asked)), found, [Node.of(each) for each in nodes], {})


def test_more_memory_than_any_node_has_is_permanent() -> None:
    """The sentence says what is asked, what there is, and what Nomad met."""
    small = node(NodeResources={"Cpu": {"CpuShares": 2000}, "Memory": {"MemoryMB": 4096}})
    assert _judged({"memory_mb": 1_048_576}, MEMORY, small, node()) == (
        (
            "no node has enough memory: it asks for 1048576 MiB, the most that a node has is "
            "24105 MiB (Nomad: memory exhausted on 1 node)"
        ),
        True,
    )


def test_memory_that_others_use_now_is_waited_for() -> None:
    """Nomad says the same of it; the node, were it empty, has enough."""
    assert _judged({"memory_mb": 24_105}, MEMORY, node()) == (
        (
            "the nodes that could run it are in use: it asks for 100 MHz and 24105 MiB "
            "(Nomad: memory exhausted on 1 node)"
        ),
        False,
    )


def test_what_a_node_keeps_for_itself_is_not_there() -> None:
    """Reserved memory is nobody's; a node that reserves nothing may say nothing."""
    kept = node(ReservedResources={"Cpu": {"CpuShares": 0}, "Memory": {"MemoryMB": 1}})
    assert _judged({"memory_mb": 24_105}, MEMORY, kept).permanent
    assert not _judged({"memory_mb": 24_105}, MEMORY, node(ReservedResources=None)).permanent


def test_more_cpu_than_any_node_has_is_permanent() -> None:
    """In megahertz, as Nomad counts."""
    told = _judged({"cpu_mhz": 64_000}, {"DimensionExhausted": {"cpu": 2}}, node(), node())
    assert told == (
        (
            "no node has enough CPU: it asks for 64000 MHz, the most that a node has is 2000 MHz "
            "(Nomad: cpu exhausted on 2 nodes)"
        ),
        True,
    )


def test_cpu_and_memory_must_be_on_one_node() -> None:
    """Two nodes with one of them each are of no use."""
    fast = node(NodeResources={"Cpu": {"CpuShares": 9000}, "Memory": {"MemoryMB": 512}})
    metric = {"DimensionExhausted": {"memory": 1, "cpu": 1}}
    assert _judged({"cpu_mhz": 4000, "memory_mb": 1024}, metric, fast, node()) == (
        (
            "no node has both the CPU and the memory: it asks for 4000 MHz and 1024 MiB "
            "(Nomad: cpu exhausted on 1 node, memory exhausted on 1 node)"
        ),
        True,
    )


def test_a_large_node_without_the_driver_does_not_count() -> None:
    """It could not run the function, were it empty."""
    small = node(NodeResources={"Cpu": {"CpuShares": 2000}, "Memory": {"MemoryMB": 64}})
    told = _judged({"memory_mb": 512}, MEMORY, small, node(Drivers={}))
    assert told.permanent
    assert "the most that a node has is 64 MiB" in told.sentence


def test_a_large_node_that_is_down_is_waited_for() -> None:
    """It may come back; so may one that is drained."""
    small = node(NodeResources={"Cpu": {"CpuShares": 2000}, "Memory": {"MemoryMB": 64}})
    for gone in (node(Status="down"), node(SchedulingEligibility="ineligible")):
        assert _judged({}, MEMORY, small, gone) == (
            (
                "no node that is large enough is ready: it asks for 100 MHz and 512 MiB "
                "(Nomad: memory exhausted on 1 node)"
            ),
            False,
        )


def test_a_driver_that_no_node_has_is_the_operators_to_mend() -> None:
    """Nobody's call fails for it."""
    metric = {"ConstraintFiltered": {"missing drivers": 1}, "NodesFiltered": 1}
    assert _judged({"driver": "qemu"}, metric, node()) == (
        "no node has the driver 'qemu' (Nomad: missing drivers on 1 node)",
        False,
    )


def test_a_driver_that_is_ill_is_quoted() -> None:
    """With what it says is wrong."""
    ill = {"docker": {"Detected": True, "Healthy": False, "HealthDescription": "no daemon"}}
    metric = {"ConstraintFiltered": {"missing drivers": 1}}
    assert _judged({"driver": "docker"}, metric, node(Drivers=ill)).sentence == (
        "the driver 'docker' does not work: no daemon (Nomad: missing drivers on 1 node)"
    )


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"NodePool": "gpu"}, "the node pool 'gpu'"),
        ({"Datacenters": ["eu-*", "us"]}, "the node pool 'default' of eu-*, us"),
    ],
)
def test_a_place_without_nodes_is_named(changes: dict[str, Any], where: str) -> None:
    """Nodes may be added to it."""
    metric = {"NodesInPool": 0, "NodesAvailable": {}, "NodesEvaluated": 0}
    assert _judged(changes, metric, node()) == (
        f"no node is in {where} (Nomad: no node was eligible, 0 in the pool)",
        False,
    )


def test_nodes_of_a_pool_and_a_datacenter_count() -> None:
    """The pool named "all" is every pool, and datacenters are patterns."""
    for changes in ({"NodePool": "all"}, {"Datacenters": ["eu", "dc*"]}):
        assert "in use" in _judged(changes, MEMORY, node()).sentence


def test_a_constraint_is_quoted_and_its_echo_is_not() -> None:
    """Nomad says "computed class ineligible" of nodes like one that it has refused."""
    metric = {
        "ConstraintFiltered": {
            "${attr.kernel.name} = linux": 1,
            "computed class ineligible": 4,
        },
        "QuotaExhausted": ["memory limit"],
    }
    assert _judged({}, metric, node()).sentence.endswith(
        "(Nomad: ${attr.kernel.name} = linux on 1 node, quota reached: memory limit)"
    )
    alone = {"ConstraintFiltered": {"computed class ineligible": 4}}
    assert "computed class ineligible on 4 nodes" in _judged({}, alone, node()).sentence


def test_a_constraint_that_no_node_meets_is_what_is_told() -> None:
    """The nodes are not in use: they are others than a function's options ask for."""
    metric: dict[str, Any] = {"ConstraintFiltered": {"${meta.rack} is_set ": 1}}
    assert _judged({}, metric, node()).sentence == (
        "no node is as its job demands: ${meta.rack} is_set (Nomad: ${meta.rack} is_set on 1 node)"
    )
    metric = {"ConstraintFiltered": {"${meta.rack} = r7": 1, "missing drivers": 1}}
    lack = _judged({}, metric, node())
    assert not lack.permanent
    assert lack.sentence == (
        "no node is as its job demands: ${meta.rack} = r7 "
        "(Nomad: ${meta.rack} = r7 on 1 node, missing drivers on 1 node)"
    )
    metric["DimensionExhausted"] = {"memory": 1}
    assert _judged({}, metric, node()).sentence.startswith("the nodes that could run it are in use")


@pytest.mark.parametrize(
    "reason", ["missing compatible host volumes", "${node.unique.id} = a2145c67"]
)
def test_a_node_that_is_away_with_volumes_is_waited_for(reason: str) -> None:
    """Nomad says it of the others; where it is there and has no room, that is told."""
    asked = job()
    asked["TaskGroups"][0]["Volumes"] = {"v0": {"Name": "v0", "Source": "fnvol-default~m"}}
    metric: dict[str, Any] = {"ConstraintFiltered": {reason: 1}}
    assert _judged(asked, metric, node()) == (
        (
            "no node on which it may run now has its volumes: it mounts 'fnvol-default~m' "
            f"(Nomad: {reason} on 1 node)"
        ),
        False,
    )
    assert "in use" in _judged(asked, {**metric, **MEMORY}, node()).sentence


def test_only_what_waits_now_is_told() -> None:
    """Evaluations that are over have nothing to say; of two that wait the newer one has."""
    done = blocked() | {"Status": "complete"}
    assert unplaced([done, done | {"Status": "canceled"}]) is None
    assert unplaced([]) is None
    assert unplaced([blocked() | {"FailedTGAllocs": None}]) is None
    newer, older = blocked(14, **MEMORY), blocked(13)
    assert unplaced([older, newer, done]) == newer["FailedTGAllocs"]["worker"]
