"""Workers come and go as allocations of a job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.cluster import Cluster
from tests.cluster.script import environment, run
from tests.livestack import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

#: Seconds in which idle workers are gone: their cooldown, and what Nomad takes.
GONE_S = 60.0


def test_a_function_has_as_many_workers_as_calls_and_then_none(
    plain: Cluster, tmp_path: Path
) -> None:
    """From 0 to 3 and back to 0, twice; each call needs a worker of its own."""
    for turn in ("first", "second"):
        folder = tmp_path / turn
        folder.mkdir()
        assert run(plain, "crowd.py", str(folder)) == "[0, 1, 2]\n"
        wait_until("no worker", lambda: not workers(plain), GONE_S)
        assert replicas(plain)["wanted"] == 0


def workers(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the workers of the function."""
    found = status(cluster)["processes"]
    return [each for each in found if (each["role"], each["function"]) == ("worker", "crowd")]


def replicas(cluster: Cluster) -> dict[str, int]:
    """Return how its replicas are."""
    (found,) = [each for each in status(cluster)["functions"] if each["name"] == "crowd"]
    counts: dict[str, int] = found["replicas"]
    return counts


def status(cluster: Cluster) -> dict[str, Any]:
    """Return `fnq status --json`."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("fnq")), "status", "--json"],
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
