"""What `fnq cluster check` says of a whole cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.cluster import Cluster
from tests.cluster import script

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

#: Seconds for the command.
PATIENCE_S = 60


def _check(cluster: Cluster, **env: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit code, and what was found."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("fnq")), "cluster", "check", "--json"],
        env=script.environment(cluster, **env),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["findings"]


def test_nothing_is_missing_on_a_cluster_for_development(plain: Cluster) -> None:
    """It has no token, and counts more CPU than it has: that is told."""
    code, findings = _check(plain)
    lacking = [each for each in findings if each["state"] == "missing"]
    assert (code, lacking) == (0, [])
    states = {each["subject"]: each["state"] for each in findings}
    assert states.items() >= {"job fnq-server": "ok", "service fnq-consumer": "ok"}.items()
    notes = {subject for subject, state in states.items() if state == "note"}
    assert notes - {"environment"} == {"token", "nomad/jobs", "cpu"}


def test_a_stack_that_consul_does_not_name_is_missing(plain: Cluster) -> None:
    """As under another name than that of the servers."""
    address = f"consul://{plain.consul.address}/fnq-servers"
    code, findings = _check(plain, FNQ_ADDR=address)
    lacking = [each["subject"] for each in findings if each["state"] == "missing"]
    assert (code, lacking) == (1, ["service fnq-server"])
    [server] = [each for each in findings if each["subject"] == "service fnq-server"]
    assert server["what"].endswith("knows no fnq-servers")
