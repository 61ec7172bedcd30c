"""Nomad itself takes the three jobs, with each driver."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from jobs.cluster import JOBS, Cluster
from tests import agents

#: In nanoseconds, as Nomad has durations.
SECOND = 1_000_000_000

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(agents.lacking()), reason=f"not on the path: {agents.lacking()}"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Agents without jobs."""
    with agents.cluster() as made:
        made.start_agents()
        yield made


@pytest.mark.parametrize("driver", ["docker", "exec", "raw_exec"])
@pytest.mark.parametrize("job", ["redis", "server", "consumer"])
def test_nomad_validates_and_plans_a_job(cluster: Cluster, job: str, driver: str) -> None:
    """Without a warning; what the file leaves to others is set by variables."""
    words = [f"-var=driver={driver}"]
    if job == "redis" and driver != "raw_exec":
        words.append("-var=volume=fnq-redis")
    said = nomad(cluster, "validate", *words, job=job)
    assert said.returncode == 0, said.stderr
    assert "successful" in said.stdout
    assert "Warning" not in said.stdout
    said = nomad(cluster, "plan", *words, job=job)
    # 1: there would be changes.
    assert said.returncode == 1, said.stdout + said.stderr
    if "missing drivers" not in said.stdout:
        assert "All tasks successfully allocated" in said.stdout
        assert "Warning" not in said.stdout


@pytest.mark.parametrize("job", ["redis", "server", "consumer"])
def test_nomad_takes_a_job_with_tls(cluster: Cluster, job: str) -> None:
    """Between the parts, and with Consul and Nomad."""
    words = ["-var=tls=mutual", "-var=driver=raw_exec"]
    words += [] if job == "redis" else ["-var=consul_tls=true"]
    words += ["-var=nomad=https://127.0.0.1:4646"] if job == "server" else []
    said = nomad(cluster, "validate", *words, job=job)
    assert said.returncode == 0, said.stderr
    assert "Warning" not in said.stdout


def test_a_driver_that_there_is_not_is_refused_by_name(cluster: Cluster) -> None:
    """Before anything is submitted."""
    said = nomad(cluster, "validate", "-var=driver=podman", job="server")
    assert said.returncode == 1
    assert "docker, exec and raw_exec" in said.stderr + said.stdout


@pytest.mark.parametrize(
    ("job", "setting", "remedy"),
    [
        ("server", "nomad=h:4646", "http://HOST:PORT"),
        ("server", "worker_memory_mb=0", "at least 10"),
        ("server", "worker_cpu_mhz=-3", "at least 1."),
        ("server", "consumer_service=", "at most 63 letters"),
        ("server", "builder=podman", "docker, or none"),
        ("server", "registry=https://h:5000/p", "without https:// and without a login"),
        ("server", "log_level=loud", "debug, info, warning and error"),
        ("server", "update_max_parallel=0", "at least 1: with 0 all would be replaced at once"),
        ("consumer", "log_level=loud", "debug, info, warning and error"),
        ("consumer", "consul=http://h:8500", "host:port, without http://"),
        ("consumer", "redis_service=a/b", "at most 63 letters"),
        ("redis", "service=", "at most 63 letters"),
        ("redis", "data=relative", "the whole path of a directory"),
    ],
)
def test_what_no_process_could_use_is_refused_with_what_is_expected(
    cluster: Cluster, job: str, setting: str, remedy: str
) -> None:
    """Accepted, it would be found out by tasks that end again and again."""
    said = nomad(cluster, "validate", "-var=driver=raw_exec", f"-var={setting}", job=job)
    assert said.returncode == 1
    assert remedy in said.stderr + said.stdout


@pytest.mark.parametrize(
    ("driver", "keeper", "remedy"),
    [
        ("raw_exec", "volume", "raw_exec mounts no volumes: set data, a directory"),
        ("docker", "data", "only raw_exec keeps data in a directory: set volume"),
        ("exec", "data", "only raw_exec keeps data in a directory: set volume"),
    ],
)
def test_what_could_not_keep_the_data_of_redis_is_refused_with_the_remedy(
    cluster: Cluster, driver: str, keeper: str, remedy: str
) -> None:
    """Overlooked, it would leave them with the allocation, which goes with its node."""
    said = nomad(cluster, "validate", f"-var=driver={driver}", f"-var={keeper}=/x", job="redis")
    assert said.returncode == 1
    assert remedy in said.stderr + said.stdout


@pytest.mark.parametrize(
    ("driver", "perms"), [("raw_exec", "0600"), ("exec", "0644"), ("docker", "0644")]
)
def test_the_file_with_the_password_is_readable_by_those_who_need_it(
    cluster: Cluster, driver: str, perms: str
) -> None:
    """In a container or chroot Redis is another user, and nobody else sees the directory."""
    said = nomad(cluster, "run", "-output", f"-var=driver={driver}", job="redis")
    [task] = json.loads(said.stdout)["Job"]["TaskGroups"][0]["Tasks"]
    assert [each["Perms"] for each in task["Templates"]] == [perms]


@pytest.mark.parametrize("job", ["redis", "server", "consumer"])
def test_how_a_job_is_replaced_is_the_operators_to_say(cluster: Cluster, job: str) -> None:
    """And where one goes that cannot start on its node."""
    settings = {
        "update_min_healthy_time": "3s",
        "update_healthy_deadline": "4m",
        "update_auto_revert": "true",
        "reschedule_delay": "6s",
        "reschedule_max_delay": "7m",
    }
    if job != "redis":
        settings["update_max_parallel"] = "2"
    words = [f"-var={name}={value}" for name, value in settings.items()]
    said = nomad(cluster, "run", "-output", "-var=driver=raw_exec", *words, job=job)
    [group] = json.loads(said.stdout)["Job"]["TaskGroups"]
    update = json.loads(said.stdout)["Job"]["Update"] or group["Update"]
    assert update["MaxParallel"] == (1 if job == "redis" else 2)
    assert (update["MinHealthyTime"], update["HealthyDeadline"]) == (3 * SECOND, 240 * SECOND)
    assert update["AutoRevert"]
    again = group["ReschedulePolicy"]
    assert (again["Delay"], again["MaxDelay"]) == (6 * SECOND, 420 * SECOND)
    assert again["Unlimited"]


def test_only_servers_are_given_a_token_of_nomad(cluster: Cluster) -> None:
    """Their task's identity; each job reads the token of Consul that is its own."""
    for job in ("redis", "server", "consumer"):
        said = nomad(cluster, "run", "-output", "-var=driver=raw_exec", job=job)
        [task] = json.loads(said.stdout)["Job"]["TaskGroups"][0]["Tasks"]
        assert bool(task["Identity"]) == (job == "server")
        text = "".join(each["EmbeddedTmpl"] for each in task["Templates"])
        assert (f'nomadVar "nomad/jobs/fnq-{job}"' in text) == (job != "redis")


def nomad(cluster: Cluster, verb: str, *words: str, job: str) -> subprocess.CompletedProcess[str]:
    """Run `nomad job VERB` on the file of a job."""
    file = str(JOBS / f"{job}.nomad.hcl")
    return subprocess.run(
        ["nomad", "job", verb, f"-address={cluster.nomad.address}", *words, file],
        capture_output=True,
        text=True,
        check=False,
    )
