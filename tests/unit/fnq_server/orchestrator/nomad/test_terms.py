"""The operator's file about workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_server.orchestrator.nomad.terms import Terms, read


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
    )


def test_what_is_said_is_taken(tmp_path: Path) -> None:
    """An address that is given is not looked up."""
    terms = _read(
        tmp_path,
        'driver = "raw_exec"\ncommand = "/venv/bin/python"\nconsul = "10.0.0.1:8500"\n'
        'redis = "redis://10.0.0.2:6379"\nserver = "consul://10.0.0.1:8500/api"\n'
        'nomad_namespace = "fn"\ndatacenters = ["eu-*"]\nnode_pool = "cpu"\n'
        "cpu_mhz = 500\nmemory_mb = 1024\n",
    )
    assert terms.consumer == "consul://10.0.0.1:8500"
    assert terms.server == "consul://10.0.0.1:8500/api"
    assert terms.redis == "redis://10.0.0.2:6379"
    assert (terms.nomad_namespace, terms.datacenters, terms.node_pool) == ("fn", ["eu-*"], "cpu")
    assert (terms.cpu_mhz, terms.memory_mb) == (500, 1024)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "driver: expected one of raw_exec, exec, docker"),
        ('driver = "podman"', "driver: expected one of raw_exec, exec, docker, not 'podman'"),
        ('driver = "exec"', "command: the driver exec needs it"),
        ('driver = "docker"\ncommand = "python"', "image: the driver docker needs it"),
        ('driver = "docker"\nimages = "x"', "images: no such field; there are driver, command"),
        ('driver = "docker"\nimage = 3', "image: expected text, not 3"),
        ('driver = "docker"\nimage = "x"\ncpu_mhz = true', "cpu_mhz: expected a whole number"),
        ('driver = "docker"\nimage = "x"\nmemory_mb = 1', "memory_mb: expected at least 10, not 1"),
        ('driver = "docker"\nimage = "x"\ndatacenters = []', "datacenters: expected at least one"),
        ('driver = "docker"\nimage = "x"\ndatacenters = "a"', "datacenters: expected a list of"),
        ('driver = "docker"\nimage = "x"\nconsul = "c"', 'consumer: expected "consul://host:port"'),
        ('driver = "docker"\nimage = "x"\nserver = "http://s"', 'server: expected "host:port"'),
        (
            'driver = "docker"\nimage = "x"\nredis = "redis+consul://c"',
            'redis: expected "redis+consul://',
        ),
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
