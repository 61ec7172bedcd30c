"""A second system on the same cluster, in a namespace of Nomad and under names of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.cluster import JOBS, Cluster
from jobs.http import ask
from tests.cluster.script import environment, run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

TEAM = "team-a"
NAMES = {
    "redis": {},
    "consumer": {"redis_service": f"{TEAM}-redis"},
    "server": {"redis_service": f"{TEAM}-redis", "consumer_service": f"{TEAM}-consumer"},
}
#: Seconds until a job is healthy.
HEALTHY_S = 120


@pytest.fixture
def team(plain: Cluster, tmp_path: Path) -> Iterator[str]:
    """The address of a second system, of which nothing stays."""
    ask("PUT", f"{plain.nomad.address}/v1/namespace/{TEAM}", {"Name": TEAM})
    single = replace(plain, servers=1, consumers=1)
    for job, names in NAMES.items():
        own = {"namespace": TEAM, "service": f"{TEAM}-{job}", **names}
        if job == "redis":
            own["data"] = str(tmp_path)
        _submit(plain, job, single.variables(job) | own)
    yield f"consul://{plain.consul.address}/{TEAM}-server"
    for which in ("fnq-server", "fnq-"):
        plain.nomad.end(lambda job, of=which: _is_of_team(job, of))  # type: ignore[misc]


def _is_of_team(job: dict[str, Any], which: str) -> bool:
    return bool(job["Namespace"] == TEAM) and str(job["ID"]).startswith(which)


def _submit(cluster: Cluster, job: str, variables: dict[str, Any]) -> None:
    words = [f"-var={name}={value}" for name, value in variables.items()]
    done = subprocess.run(
        ["nomad", "job", "run", *words, str(JOBS / f"{job}.nomad.hcl")],
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=HEALTHY_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _functions(cluster: Cluster, **env: str) -> list[str]:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("fnq")), "function", "list", "--json"],
        env=environment(cluster, **env),
        capture_output=True,
        text=True,
        check=True,
    )
    return [each["function"] for each in json.loads(done.stdout)]


def test_a_second_system_is_a_world_of_its_own(plain: Cluster, team: str) -> None:
    """Its functions are jobs of its namespace of Nomad, and the first one knows none of them."""
    here: dict[str, str] = {"FNQ_NAMESPACE": "tenancy"}
    there = here | {"FNQ_ADDR": team}
    assert run(plain, "double.py", **there) == "42\n"
    assert _functions(plain, **there) == ["double"]
    assert _functions(plain, **here) == []
    found = ask("GET", f"{plain.nomad.address}/v1/jobs?namespace=*&meta=true&prefix=fnq-tenancy-")
    assert [each["Namespace"] for each in found] == [TEAM]
    assert set(plain.consul.healthy("fnq-server")).isdisjoint(
        plain.consul.healthy(f"{TEAM}-server")
    )
