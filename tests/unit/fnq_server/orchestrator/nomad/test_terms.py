"""The operator's file about workers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fnq_server.orchestrator.nomad.bounds import Bounds
from fnq_server.orchestrator.nomad.terms import Terms, read

JOB = Path(__file__).parents[5] / "jobs" / "server.nomad.hcl"
#: Seconds for a command that asks nobody.
PATIENCE_S = 20


def _read(folder: Path, text: str) -> Terms:
    file = folder / "workers.toml"
    file.write_text(text)
    return read(str(file))


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    """Everything that a worker dials is found through Consul."""
    terms = _read(tmp_path, 'driver = "docker"\nimage = "fnq-worker:0.1.0"\n')
    assert terms == Terms(
        driver="docker",
        image="fnq-worker:0.1.0",
        consul="127.0.0.1:8500",
        consumer="consul://127.0.0.1:8500",
        server="consul://127.0.0.1:8500",
        redis="redis+consul://127.0.0.1:8500",
        nomad_namespace="default",
        datacenters=["*"],
        node_pool="default",
        cpu_mhz=100,
        memory_mb=512,
        gpus={},
        gpu_runtime="nvidia",
    )


def test_what_is_said_is_taken(tmp_path: Path) -> None:
    """An address that is given is not looked up."""
    terms = _read(
        tmp_path,
        'driver = "raw_exec"\ncommand = "/venv/bin/python"\nconsul = "10.0.0.1:8500"\n'
        'redis = "redis://10.0.0.2:6379"\nserver = "consul://10.0.0.1:8500/api"\n'
        'nomad_namespace = "fn"\ndatacenters = ["eu-*"]\nnode_pool = "cpu"\n'
        'cpu_mhz = 500\nmemory_mb = 1024\ngpu_runtime = "runc"\n'
        '[gpus]\nnvidia-big = ["NVIDIA B200", "NVIDIA B300"]\n',
    )
    assert terms.gpus == {"nvidia-big": ["NVIDIA B200", "NVIDIA B300"]}
    assert terms.gpu_runtime == "runc"
    assert terms.consumer == "consul://10.0.0.1:8500"
    assert terms.server == "consul://10.0.0.1:8500/api"
    assert terms.redis == "redis://10.0.0.2:6379"
    assert (terms.nomad_namespace, terms.datacenters, terms.node_pool) == ("fn", ["eu-*"], "cpu")
    assert (terms.cpu_mhz, terms.memory_mb) == (500, 1024)


def test_where_tls_is_spoken_redis_is_found_with_it(tmp_path: Path) -> None:
    """Unless its address is given."""
    text = 'driver = "docker"\nimage = "x"\ntls = "on"\nconsul_tls = true\n'
    assert _read(tmp_path, text).redis == "rediss+consul://127.0.0.1:8500"
    assert _read(tmp_path, f'{text}redis = "redis://r:1"\n').redis == "redis://r:1"


def test_bounds_are_a_table_and_know_their_file(tmp_path: Path) -> None:
    """Whoever asks for too much is told where it says so."""
    text = 'driver = "docker"\nimage = "x"\nbounds_key = "fnq/bounds"\n[bounds]\ncpu = 2\n'
    terms = _read(tmp_path, text)
    assert terms.bounds == Bounds(source=str(tmp_path / "workers.toml"), cpu=2)
    assert terms.bounds_key == "fnq/bounds"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "driver: expected one of raw_exec, exec, docker"),
        ('driver = "podman"', "driver: expected one of raw_exec, exec, docker, not 'podman'"),
        ('driver = "exec"', "command: the driver exec needs it"),
        ('driver = "exec"\ncommand = "x"\ntls = "yes"', "tls: expected one of off, on, mutual"),
        ('driver = "exec"\ncommand = "x"\nconsul_tls = 1', "consul_tls: expected true or false"),
        ('driver = "docker"\ncommand = "python"', "image: the driver docker needs it"),
        ('driver = "docker"\nimages = "x"', "images: no such field; there are driver, command"),
        ('driver = "docker"\nimage = 3', "image: expected text, not 3"),
        ('driver = "docker"\nimage = "x"\ncpu_mhz = true', "cpu_mhz: expected a whole number"),
        ('driver = "docker"\nimage = "x"\nregistry_login = 1', "registry_login: expected true or"),
        ('driver = "docker"\nimage = "x"\nmemory_mb = 1', "memory_mb: expected at least 10, not 1"),
        ('driver = "docker"\nimage = "x"\ndatacenters = []', "datacenters: expected at least one"),
        ('driver = "docker"\nimage = "x"\ndatacenters = "a"', "datacenters: expected a list of"),
        ('driver = "docker"\nimage = "x"\nconsul = "c"', 'consumer: expected "consul://host:port"'),
        ('driver = "docker"\nimage = "x"\nserver = "http://s"', 'server: expected "host:port"'),
        (
            'driver = "docker"\nimage = "x"\nredis = "redis+consul://c"',
            'redis: expected "redis+consul://',
        ),
        ('driver = "docker"\nimage = "x"\ngpus = "a"', "gpus: expected a table with lists of"),
        ('driver = "docker"\nimage = "x"\ngpus.A = ["x"]', "gpus: expected a name in lower case"),
        ('driver = "docker"\nimage = "x"\ngpus.a = []', "gpus: expected a name in lower case"),
        ('driver = "docker"\nimage = "x"\ncore_mhz = 0', "core_mhz: expected at least 1, not 0"),
        ('driver = "docker"\nimage = "x"\nbounds = 3', "bounds: expected a table, not 3"),
        ('driver = "docker"\nimage = "x"\n[bounds]\ncpus = 3', "did you mean cpu?"),
        ("driver = ", "Invalid value"),
    ],
)
def test_a_slip_is_named_with_its_file_and_field(tmp_path: Path, text: str, problem: str) -> None:
    """And with what was expected; nothing is taken for a default."""
    with pytest.raises(ValueError, match=r"workers\.toml: ") as caught:
        _read(tmp_path, text)
    assert problem in str(caught.value)


def test_a_file_that_cannot_be_read_is_named() -> None:
    """With the system's reason."""
    with pytest.raises(ValueError, match=r"/nowhere/workers\.toml: No such file or directory"):
        read("/nowhere/workers.toml")


@pytest.mark.parametrize(
    "redis", ["redis://:hunter2@10.0.0.2:6379", "unix:///r.sock?password=hunter2"]
)
def test_a_password_does_not_go_into_a_job(tmp_path: Path, redis: str) -> None:
    """Whoever may look at jobs would see it; the error does not show it either."""
    text = f'driver = "docker"\nimage = "x"\nredis = "{redis}"'
    with pytest.raises(ValueError, match="nomad/jobs as REDIS_PASSWORD") as caught:
        _read(tmp_path, text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.skipif(shutil.which("nomad") is None, reason="not on the path: nomad")
def test_the_file_that_the_job_of_the_servers_writes_is_understood(tmp_path: Path) -> None:
    """With each variable as it is set."""
    settings = (
        'worker_gpus={"mine"=["NVIDIA \\"X\\"","NVIDIA Y"],"b"=["B"]}',
        "worker_gpu_runtime=",
        "worker_core_mhz=2600",
        "worker_bounds=gpus = 2",
        "worker_driver=raw_exec",
        "registry_login=true",
    )
    command = ["nomad", "job", "run", "-output", *(f"-var={each}" for each in settings), str(JOB)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert ran.returncode == 0, ran.stderr
    [task] = json.loads(ran.stdout)["Job"]["TaskGroups"][0]["Tasks"]
    [text] = [each["EmbeddedTmpl"] for each in task["Templates"] if "workers" in each["DestPath"]]
    terms = _read(tmp_path, text)
    assert terms.gpus == {"mine": ['NVIDIA "X"', "NVIDIA Y"], "b": ["B"]}
    assert (terms.gpu_runtime, terms.core_mhz, terms.bounds.gpus) == ("", 2600, 2)
    assert terms.registry_login
