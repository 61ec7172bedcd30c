"""The policy of the operator is enough for Nomad's own commands, and none of its lines is idle."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_wire.enrolment import PARTS
from jobs.cluster import JOBS
from tests import agents
from tests.guarded import GuardedNomad, guarded
from tests.policies import lines, policy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

LINES = {each.name: each for each in lines("nomad-operator")}
#: It is healthy without Consul.
JOB = """
job "fnq-server" {
  update {
    min_healthy_time = "0s"
    healthy_deadline = "30s"
    health_check     = "task_states"
  }
  group "server" {
    task "server" {
      driver = "raw_exec"
      config {
        command = "/bin/sleep"
        args    = ["1000"]
      }
      resources {
        cpu    = 10
        memory = 10
      }
    }
  }
}
"""
RUN = "nomad job run {job}"
#: What is typed that does not work without a line, and what Nomad's command says then.
BROKEN = {
    "list-jobs": "nomad job status",
    "read-job": RUN,
    "register-job": RUN,
    "deregister-job": "nomad job stop -detach fnq-server",
    "alloc-lifecycle": "nomad job restart -yes fnq-server",
    "nomad/jobs read": "nomad var get -item=FNQ_TOKEN nomad/jobs",
    "nomad/jobs write": "nomad var put -force nomad/jobs FNQ_TOKEN=x",
    **{f"nomad/jobs/{each} read": f"nomad var get -item=A nomad/jobs/{each}" for each in PARTS},
    **{f"nomad/jobs/{each} write": f"nomad var put -force nomad/jobs/{each} A=b" for each in PARTS},
    'host_volume "fnq-redis" { policy = "write" }': (
        f"nomad job run -detach -var driver=exec -var volume=fnq-redis {JOBS}/redis.nomad.hcl"
    ),
}


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad that lets nobody in without a token."""
    with guarded() as made:
        yield made


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The file of a job."""
    file = tmp_path / "server.nomad.hcl"
    file.write_text(JOB)
    return file


def typed(nomad: GuardedNomad, rules: str, line: str) -> subprocess.CompletedProcess[str]:
    """Return what comes of a command of somebody with one policy."""
    env = {"NOMAD_ADDR": nomad.address, "NOMAD_TOKEN": nomad.token_for(rules)}
    return subprocess.run(
        line.split(), env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def test_every_line_has_its_use() -> None:
    """None is in the file that no test takes away."""
    assert set(BROKEN) == set(LINES)


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_line_is_for_is_denied_without_it(nomad: GuardedNomad, job: Path, name: str) -> None:
    """And works with the whole policy."""
    nomad.ask("PUT", "var/nomad/jobs", {"Path": "nomad/jobs", "Items": {"FNQ_TOKEN": "x"}})
    for each in PARTS:
        path = f"nomad/jobs/{each}"
        nomad.ask("PUT", f"var/{path}", {"Path": path, "Items": {"A": "b"}})
    whole = policy("nomad-operator")
    ready = typed(nomad, whole, RUN.format(job=job))
    assert ready.returncode == 0, ready.stderr
    line = BROKEN[name].format(job=job)
    without = typed(nomad, LINES[name].without, line)
    assert without.returncode != 0
    # Nomad's command takes what it may not see for what is not there.
    told = "No evaluation with id" if name == "read-job" else "Permission denied"
    assert told in without.stderr + without.stdout
    done = typed(nomad, whole, line)
    assert done.returncode == 0, done.stderr
