"""Servers and consumers are restarted under load; no call is lost."""

from __future__ import annotations

import json
import subprocess

import pytest

from jobs.cluster import Cluster
from tests.cluster.script import start

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(230)]

CALLS = 2_000
#: Seconds between the restarts of two instances.
BETWEEN_S = 5


def test_no_call_is_lost_while_servers_and_consumers_are_restarted(plain: Cluster) -> None:
    """Each of two servers, then each of two consumers; the SDK goes to the other server."""
    load = start(plain, "load.py", str(CALLS))
    assert load.stdout is not None
    for line in iter(load.stdout.readline, "begun\n"):
        assert line.startswith("[fnq]"), line + load.stdout.read()
    for job in ("fnq-server", "fnq-consumer"):
        restart(plain, job)
        assert load.poll() is None, "the load ended before the restarts did"
    shown, _ = load.communicate(timeout=120)
    report = json.loads(shown.splitlines()[-1])
    assert report["wrong"] == []
    assert report["ended"] == CALLS
    assert len(set(report["servers"])) == 2, report["servers"]


def restart(cluster: Cluster, job: str) -> None:
    """Restart the allocations of a job one after another, as an operator does."""
    done = subprocess.run(
        [
            *("nomad", "job", "restart", f"-address={cluster.nomad.address}", "-yes"),
            # Nomad goes on when a task runs; it answers only some seconds later.
            *(f"-batch-wait={BETWEEN_S}s", job),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
