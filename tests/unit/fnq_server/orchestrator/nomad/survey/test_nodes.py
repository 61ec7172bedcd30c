"""Whether the nodes of a Nomad can run workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fnq_server.orchestrator.nomad.survey import nodes
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.finding import MISSING, NOTE, OK, Finding
from tests.unit.fnq_server.orchestrator.nomad.recorded import node, resources

RAW = Terms(driver="raw_exec", command="/usr/bin/python3")
DOCKER = Terms(driver="docker", image="fnq-worker:1")
ILL = {"docker": {"Detected": True, "Healthy": False, "HealthDescription": "no engine"}}
#: A node while its workers leave it, and once they have.
BARRED = {"SchedulingEligibility": "ineligible"}
DRAINS = {"Drain": True, **BARRED}
ALL = {
    "consul.version": "1.8.7",
    "plugins.host_volume.mkdir.version": "0.0.1",
    "driver.docker.runtimes": "io.containerd.runc.v2,runc",
}


def listed(name: str = "vm", **changes: Any) -> dict[str, Any]:
    """Return a node as the list of nodes has it, with its release."""
    return node(Name=name, Version="2.0.5", **changes)


def with_cpu(name: str, mhz: int, cores: int) -> dict[str, Any]:
    """Return a node with so much CPU."""
    cpu = {"CpuShares": mhz, "TotalCpuCores": cores}
    return listed(name, NodeResources={"Cpu": cpu, "Memory": {"MemoryMB": 1_000}})


def detail(name: str = "vm", *without: str, **changes: Any) -> dict[str, Any]:
    """Return a node as it is shown for itself, without some of its attributes."""
    attributes = {key: text for key, text in ALL.items() if key not in without}
    return listed(name, Attributes=attributes, **changes)


def is_told(found: Finding, state: str, told: str) -> bool:
    """Whether a finding says that; what must be mended has its remedy."""
    return found.state == state and told in found.what and bool(found.remedy) >= (state == MISSING)


@pytest.mark.parametrize(
    ("there", "state", "told"),
    [
        ([listed()], OK, "Nomad 2.0.5 at http://n, 1 of 1 node ready"),
        ([listed("a"), listed("b")], OK, "2 of 2 nodes ready"),
        ([listed("a"), listed("b", Status="down")], NOTE, "no worker goes to b (it is down)"),
        (
            [listed("a"), listed("b", **DRAINS)],
            NOTE,
            "1 of 2 nodes ready: no worker goes to b (it d",
        ),
        ([listed("a"), listed("b", **BARRED)], NOTE, "no worker goes to b (it is not eligible)"),
        ([], MISSING, "Nomad at http://n has no nodes"),
        ([listed(SchedulingEligibility="ineligible")], MISSING, "of 1 node at http://n none is"),
        ([listed(), listed() | {"Version": "1.9.7"}], MISSING, "a node has Nomad 1.9.7, and"),
        ([listed(), listed() | {"Version": "1.10.0-beta.1"}], OK, "Nomad 1.10.0-beta.1, 2.0.5 at"),
    ],
)
def test_nodes_are_ready_and_new_enough(there: list[Any], state: str, told: str) -> None:
    """Releases are compared as numbers."""
    assert is_told(nodes.nomad(there, "http://n"), state, told)


@pytest.mark.parametrize(
    ("terms", "there", "state", "told"),
    [
        (RAW, [listed()], OK, "raw_exec works on 1 node"),
        (RAW, [listed(Drivers={})], MISSING, "no node that is ready runs raw_exec: vm (it does"),
        (RAW, [listed(Status="down")], MISSING, "no node that is ready runs raw_exec"),
        (DOCKER, [listed(Drivers=ILL)], MISSING, "no node that is ready runs docker: vm (no eng"),
        (DOCKER, [listed("a"), listed("b", Drivers=ILL)], NOTE, "docker does not work on b (no"),
    ],
)
def test_a_node_runs_the_driver(terms: Terms, there: list[Any], state: str, told: str) -> None:
    """Those that do not are named, with what is wrong there."""
    assert is_told(nodes.driver(there, terms), state, told)


@pytest.mark.parametrize(
    ("there", "state", "told"),
    [
        ([with_cpu("a", 4_000, 4)], OK, "a core counts 1000 MHz on 1 node"),
        ([with_cpu("a", 4_100, 4)], OK, "a core counts 1000 MHz on 1 node"),
        ([with_cpu("a", 4_000, 4), with_cpu("b", 9_600, 4)], NOTE, "otherwise on b (2400 MHz): w"),
        ([with_cpu("a", 200_000, 2)], NOTE, "takes more workers than it has cores for, where less"),
        ([with_cpu("a", 0, 0)], MISSING, "a says that it has no CPU at all"),
    ],
)
def test_a_core_counts_what_functions_ask_for_one(there: list[Any], state: str, told: str) -> None:
    """Where nodes count what they measured, cpu=1 is less than a core, or more."""
    assert is_told(nodes.cpu(there, 1_000), state, told)


@pytest.mark.parametrize(
    ("without", "state"),
    [(["", ""], OK), (["x", ""], NOTE), (["x", "x"], MISSING)],
)
def test_nodes_make_volumes(without: Sequence[str], state: str) -> None:
    """Some of them will do."""
    name = "plugins.host_volume.mkdir.version"
    there = [detail(f"n{at}", *([name] if each else [])) for at, each in enumerate(without)]
    assert nodes.volumes(there).state == state


@pytest.mark.parametrize(
    ("without", "state", "told"),
    [
        (["", ""], OK, "a Consul agent runs on 2 nodes"),
        (["x", ""], MISSING, "n0 has no Consul agent: workers there find nobody"),
        (["x", "x"], MISSING, "no node has a Consul agent"),
    ],
)
def test_each_node_has_a_consul_agent(without: Sequence[str], state: str, told: str) -> None:
    """A worker that finds no consumer is none."""
    name = "consul.version"
    there = [detail(f"n{at}", *([name] if each else [])) for at, each in enumerate(without)]
    assert is_told(nodes.consul(there, "127.0.0.1:8500"), state, told)


@pytest.mark.parametrize(
    ("terms", "changes", "state", "told"),
    [
        (RAW, {}, NOTE, "no node has any: functions with gpu= wait"),
        (RAW, {"NodeResources": resources(("NVIDIA L4", 23_034, 2))}, OK, "2 (NVIDIA L4)"),
        (
            RAW,
            {"NodeResources": resources(("NVIDIA L4", 23_034, 2), ill=("NVIDIA L4/0",))},
            NOTE,
            "2 (NVIDIA L4), 1 of them not healthy",
        ),
        (
            DOCKER,
            {"NodeResources": resources(("NVIDIA L4", 23_034, 2))},
            MISSING,
            "Docker on vm has no runtime 'nvidia': no container sees the GPUs there",
        ),
    ],
)
def test_gpus_are_counted_and_reach_containers(
    terms: Terms, changes: dict[str, Any], state: str, told: str
) -> None:
    """None is no fault: not every cluster has some."""
    assert is_told(nodes.gpus([detail(**changes)], terms), state, told)


def test_another_runtime_will_do_where_the_operator_names_it() -> None:
    """As one that is there, or none at all."""
    there = [detail(NodeResources=resources(("NVIDIA L4", 23_034, 1)))]
    for runtime in ("runc", ""):
        terms = Terms(driver="docker", image="w", gpu_runtime=runtime)
        assert nodes.gpus(there, terms).state == OK
