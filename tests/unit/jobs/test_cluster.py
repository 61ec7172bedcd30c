"""What `make cluster` says when it cannot, and what it tells the jobs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.agent import MARK, Agent, ClusterError
from jobs.cluster import JOBS, Cluster, main
from tests import agents as real
from tests.house import source
from tests.ports import free_ports
from tests.unit.jobs.programs import programs
from tests.unit.jobs.somebody import somebody

FILES = sorted(JOBS.glob("*.nomad.hcl"))


def test_missing_programs_are_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, with exit code 1, and nothing is made or printed to be evaluated."""
    monkeypatch.setenv("PATH", str(tmp_path))
    state = tmp_path / "state"
    assert main(["--state", str(state), "up"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "[cluster] a cluster here needs Consul and Nomad on the path; missing: consul, nomad\n"
    )
    assert not state.exists()


@pytest.mark.parametrize("option", ["--servers", "--consumers"])
@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_cluster_has_at_least_one_of_each(
    option: str,
    count: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without, it would come up and answer nobody."""
    programs(tmp_path / "bin", {"consul": "exit 1", "nomad": "exit 1"}, monkeypatch)
    state = tmp_path / "state"
    assert main(["--state", str(state), option, count, "up"]) == 1
    name = option.strip("-").upper()
    assert capsys.readouterr().err == f"[cluster] {name}: expected at least 1, not {count}\n"
    assert not state.exists()


@pytest.mark.parametrize("token", ["two words", "tab\t", "schlüssel"])
def test_a_token_that_no_client_takes_is_refused(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the words of a client, before anything starts, and without the token."""
    monkeypatch.setenv("FNQ_TOKEN", token)
    programs(tmp_path / "bin", {"consul": "exit 1", "nomad": "exit 1"}, monkeypatch)
    state = tmp_path / "state"
    assert main(["--state", str(state), "up"]) == 1
    said = "[cluster] token (from FNQ_TOKEN): expected printable ASCII without spaces\n"
    assert capsys.readouterr().err == said
    assert not state.exists()


def test_an_image_of_redis_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what docker says and what to set, before anything starts."""
    docker = """
case "$*" in
  "image inspect fnq-"*) exit 0;;
  "image inspect no/redis:7") echo No such image >&2; exit 1;;
  "pull --quiet no/redis:7") echo no such host >&2; exit 1;;
esac"""
    programs(tmp_path / "bin", {"consul": "", "nomad": "", "docker": docker}, monkeypatch)
    state = tmp_path / "state"
    words = ["--state", str(state), "--driver", "docker", "--redis-image", "no/redis:7", "up"]
    assert main(words) == 1
    assert capsys.readouterr().err == (
        "[cluster] pulling no/redis:7\n"
        "[cluster] the driver docker needs the image no/redis:7: no such host; "
        "where it cannot be pulled, name another one with REDIS_IMAGE=\n"
    )
    assert not state.exists()


def test_there_is_nothing_to_undo_where_no_cluster_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also without the programs; a directory that was left is removed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    state = tmp_path / "state"
    (state / "nomad").mkdir(parents=True)
    for _ in range(2):
        assert main(["--state", str(state), "down"]) == 0
        assert not state.exists()


def test_the_nomad_of_somebody_else_is_not_told_to_end_its_jobs(tmp_path: Path) -> None:
    """Though it answers at the port that is named: ours listens at another one."""
    state = tmp_path / "state"
    with somebody() as foreign, agents(state):
        assert main(["--state", str(state), "--nomad-port", str(foreign.port), "down"]) == 0
    assert foreign.asked == []
    assert not state.exists()


def test_a_cluster_that_runs_is_spoken_to_where_it_listens(tmp_path: Path) -> None:
    """Whatever ports are named, as long as one of its agents runs; then what is named counts."""
    named = Cluster(state=tmp_path, consul_port=1, nomad_port=2)
    with agents(tmp_path) as (consul, nomad):
        at = (consul.ports[0], nomad.ports[0])
        assert ports(named.as_it_runs()) == at
        # A Nomad asks the Consul with which it began, also while that is away.
        consul.stop()
        assert ports(named.as_it_runs()) == at
        nomad.stop()
        assert ports(named.as_it_runs()) == (1, 2)
        consul.start()
        assert ports(named.as_it_runs()) == (at[0], 2)


def test_what_a_killed_nomad_left_is_ended_before_another_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two Redis would write one file; what the first kept there stays."""
    state = tmp_path / "state"
    kept = state / "redis" / "appendonly.aof"
    kept.parent.mkdir(parents=True)
    kept.touch()
    task = subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: str(state)})
    programs(tmp_path / "bin", {"consul": "exit 1", "nomad": "exit 1"}, monkeypatch)
    consul, nomad = real.ports()
    with pytest.raises(ClusterError, match="consul ended at once"):
        Cluster(state=state, consul_port=consul, nomad_port=nomad).start_agents()
    assert task.wait(10) == -9
    assert kept.exists()


@pytest.mark.parametrize("driver", ["raw_exec", "docker"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_job_is_told_only_what_it_asks_for(file: Path, driver: str) -> None:
    """Every variable that is set is one that the file declares."""
    declared = set(re.findall(r'^variable "(\w+)"', file.read_text(), re.MULTILINE))
    told = Cluster(driver=driver, image="x/fnq").variables(file.name.partition(".")[0])
    assert told.keys() <= declared
    assert told["driver"] == driver


def test_functions_run_as_the_system_does() -> None:
    """With this Python as plain processes, or in images of this release."""
    plain = Cluster().variables("server")
    assert (plain["worker_driver"], plain["worker_command"]) == ("raw_exec", sys.executable)
    contained = Cluster(driver="docker", image="x/fnq").variables("server")
    assert contained["worker_image"] == f"x/fnq-worker:{release()}"
    assert contained["image"] == f"x/fnq-server:{release()}"
    assert "builder" not in plain.keys() | contained.keys()


def test_functions_in_containers_of_plain_servers_may_have_images() -> None:
    """Those servers reach the engine of this machine; a registry is optional."""
    told = Cluster(workers="docker", registry="h:5000/t", registry_login=True).variables("server")
    assert (told["driver"], told["worker_driver"], told["builder"]) == (
        *("raw_exec", "docker", "docker"),
    )
    assert (told["registry"], told["registry_login"]) == ("h:5000/t", "true")
    assert Cluster(workers="docker").variables("server")["registry"] == ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_images_that_a_job_names_unasked_are_of_this_release(file: Path) -> None:
    """Defaults that end in the tag of an older release would run older code."""
    tags = re.findall(r'"fnq-\w+:([^"]+)"', file.read_text())
    assert set(tags) <= {release()}
    assert tags or file.name == "redis.nomad.hcl"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_variable_of_a_job_is_described(file: Path) -> None:
    """With a type, a default and one sentence."""
    for block in file.read_text().split('variable "')[1:]:
        name, body = block.split('"', 1)
        for word in ("type ", "default ", "description "):
            assert f"\n  {word}" in body.split("\n}\n")[0], name


def ports(cluster: Cluster) -> tuple[int, int]:
    """Return where a cluster is spoken to."""
    return cluster.consul_port, cluster.nomad_port


@contextmanager
def agents(state: Path) -> Iterator[tuple[Agent, Agent]]:
    """Run what looks like the agents of a cluster, and only sleeps."""
    state.mkdir(exist_ok=True)
    sleep = (sys.executable, "-c", "import time; time.sleep(60)", str(state))
    both = tuple(
        Agent(name, sleep, (port,), state)
        for name, port in zip(("consul", "nomad"), free_ports(2), strict=True)
    )
    for each in both:
        each.start()
    try:
        yield both[0], both[1]
    finally:
        for each in both:
            each.stop()


def release() -> str:
    """Return the version in pyproject.toml."""
    text = (source.ROOT / "pyproject.toml").read_text()
    return text.split('\nversion = "')[1].split('"')[0]
