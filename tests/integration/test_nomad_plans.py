"""Plans and the files that they leave, on a real Nomad: its own command takes them."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Draft, Provision
from fnq_wire import consul
from fnq_wire.error import DiscoveryError, UnschedulableError
from jobs.cluster import Cluster
from jobs.http import ask
from tests import agents
from tests.nomad import standin

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(agents.lacking()), reason=f"not on the path: {agents.lacking()}"),
]

#: Seconds for a command of Nomad's.
PATIENCE_S = 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Agents without jobs."""
    with agents.cluster() as made:
        made.start_agents()
        yield made


def _nomad(cluster: Cluster, folder: Path, **terms: Any) -> NomadOrchestrator:
    how = Terms(driver="raw_exec", command=str(standin(folder)), memory_mb=20, **terms)
    (folder / "order").write_text("exec sleep 1000\n")
    return NomadOrchestrator(Access(cluster.nomad.address), how)


def _spec(**options: str) -> spec_pb2.FunctionSpec:
    given = {f"nomad.{key}": value for key, value in options.items()}
    return spec_pb2.FunctionSpec(name="f", options=given, max_replicas=1)


def _command(cluster: Cluster, *words: str) -> str:
    """Run a command of Nomad's, and return what it says."""
    ran = subprocess.run(
        ["nomad", "job", words[0], f"-address={cluster.nomad.address}", *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_nomads_own_command_takes_the_files(cluster: Cluster, tmp_path: Path) -> None:
    """Either; what they make is what the server would have made, and it leaves it alone."""
    nomad = _nomad(cluster, tmp_path)
    version = "b1" * 16
    asked = _spec(
        priority="70",
        datacenters="dc1, eu-*",
        memory_max="256Mi",
        constraint="attr.kernel.name = linux\ndistinct_hosts",
    )

    def planned() -> Draft:
        return asyncio.run(nomad.plan("default", version, asked, "", 1))

    draft = planned()
    assert "workers: 1 to be placed" in draft.forecast
    for name, text in draft.files.items():
        (tmp_path / name).write_text(text)
    hcl, js = (next(tmp_path.glob(f"*.nomad.{each}")) for each in ("hcl", "json"))
    assert "Job validation successful" in _command(cluster, "validate", str(hcl))
    assert "Job validation successful" in _command(cluster, "validate", "-json", str(js))
    _command(cluster, "run", "-detach", str(hcl))
    identity = hcl.name.partition(".")[0]
    made = ask("GET", f"{cluster.nomad.address}/v1/job/{identity}")
    assert list(planned().forecast) == ["workers: as they are"]
    asyncio.run(nomad.ensure("default", version, asked, Provision(), 1))
    again = ask("GET", f"{cluster.nomad.address}/v1/job/{identity}")
    assert again["JobModifyIndex"] == made["JobModifyIndex"]
    _command(cluster, "run", "-detach", "-json", str(js))
    assert ask("GET", f"{cluster.nomad.address}/v1/job/{identity}")["Version"] == made["Version"]
    asyncio.run(nomad.stop("default", version))


def test_what_another_plan_would_change_is_told(cluster: Cluster, tmp_path: Path) -> None:
    """By Nomad: the difference, what becomes of workers, and that there is no place."""
    nomad = _nomad(cluster, tmp_path)
    version = "b2" * 16

    async def scene() -> None:
        await nomad.ensure("default", version, _spec(), Provision(), 1)
        drafted = await nomad.plan("default", version, _spec(priority="70"), "", 1)
        assert "  +/- Priority: '50' => '70'" in drafted.forecast
        elsewhere = _spec(constraint="attr.kernel.name = plan9")
        *_, last = (await nomad.plan("default", "b3" * 16, elsewhere, "", 1)).forecast
        assert last.startswith("no place now: ")
        assert "${attr.kernel.name} = plan9 on 1 node" in last
        [told] = (await nomad.plan("default", version, _spec(node_pool="gpu"), "", 1)).forecast
        assert told.startswith("the deploy will fail: Nomad has no node pool 'gpu': there are ")
        with pytest.raises(UnschedulableError, match="there are all, default; name one"):
            await nomad.admit([_spec(), _spec(node_pool="gpu")])
        await nomad.stop("default", version)

    asyncio.run(scene())


def test_bounds_are_read_from_consuls_kv(cluster: Cluster, tmp_path: Path) -> None:
    """By the one door to Consul, at each deploy."""
    at = cluster.consul.address
    assert consul.read_key(at, "fnq/none") is None
    subprocess.run(
        ["consul", "kv", "put", f"-http-addr={at}", "fnq/bounds", "priority = 60"],
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    nomad = _nomad(cluster, tmp_path, consul=at, bounds_key="fnq/bounds")
    with pytest.raises(UnschedulableError) as caught:
        asyncio.run(nomad.admit([_spec(priority="61")]))
    assert str(caught.value) == (
        "it asks for the priority 61, and the operator's bound is priority = 60 "
        "(the key fnq/bounds of Consul)"
    )
    asyncio.run(nomad.admit([_spec(priority="60")]))


def test_a_consul_that_does_not_answer_is_told() -> None:
    """With the system's reason."""
    with pytest.raises(DiscoveryError, match=r"'k' of Consul at 127\.0\.0\.1:1 cannot be read \("):
        consul.read_key("127.0.0.1:1", "k")
