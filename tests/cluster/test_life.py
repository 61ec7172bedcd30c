"""`make cluster` and `make cluster-down`: the line to export, again, and nothing left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from jobs.cluster import Cluster
from tests import agents
from tests.cluster.script import run
from tests.house import source

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(230)]


def test_a_cluster_comes_up_twice_and_leaves_nothing() -> None:
    """The printed line is enough to call a function; what was killed is cleared away, too."""
    with idle() as cluster:
        line = command(cluster, "up")
        assert line == f"export FNQ_ADDR=consul://{cluster.consul.address}\n"
        assert run(cluster, "double.py") == "42\n"
        # The ports with which it was started stay its own.
        assert command(replace(cluster, consul_port=1, nomad_port=2), "up") == line
        assert run(cluster, "double.py") == "42\n"
        state = cluster.state
        assert processes(state)
        for name in ("nomad", "consul"):
            os.kill(int((state / f"{name}.pid").read_text()), signal.SIGKILL)
        assert command(cluster, "down") == ""
        assert not state.exists()
        assert processes(state) == []


def test_a_cluster_asks_for_the_token_and_the_password_that_it_was_given() -> None:
    """Whoever has none is refused; workers get both from Nomad's variable, which stays."""
    token, password = "to<ken\"'s", "pa<ss\\w\"o r'd"
    with idle() as cluster:
        command(cluster, "up", FNQ_TOKEN=token, REDIS_PASSWORD=password)
        assert run(cluster, "double.py", FNQ_TOKEN=token) == "42\n"
        with pytest.raises(AssertionError, match="AuthError"):
            run(cluster, "double.py", FNQ_TOKEN="another")
        with pytest.raises(redis.AuthenticationError, match="Authentication required"):
            ping(cluster)
        ping(cluster, password)
        with pytest.raises(AssertionError, match="another REDIS_PASSWORD"):
            command(cluster, "up", FNQ_TOKEN=token, REDIS_PASSWORD="another")
        assert run(cluster, "double.py", FNQ_TOKEN=token) == "42\n"


def idle() -> AbstractContextManager[Cluster]:
    """Give a cluster that is not up yet."""
    if agents.lacking():
        pytest.skip(f"not on the path: {agents.lacking()}")
    return agents.cluster()


def command(cluster: Cluster, verb: str, **env: str) -> str:
    """Do as `make cluster` and `make cluster-down` do, and return what was printed."""
    ports = ["--consul-port", str(cluster.consul_port), "--nomad-port", str(cluster.nomad_port)]
    done = subprocess.run(
        [sys.executable, "-m", "jobs.cluster", *ports, "--state", str(cluster.state), verb],
        cwd=source.ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ping(cluster: Cluster, password: str | None = None) -> None:
    """Ask the cluster's Redis whether it is there."""
    (place,) = cluster.consul.healthy("fnq-redis")
    host, _, port = place.rpartition(":")
    with redis.Redis(host, int(port), password=password, protocol=2) as client:
        client.ping()


def processes(state: Path) -> list[str]:
    """Return the processes that belong to the cluster."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"{state}/".encode() in told:
            found.append(told.decode(errors="replace"))
    return found
