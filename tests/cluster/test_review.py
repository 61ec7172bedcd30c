"""A deploy that is reviewed first: what `fnq deploy --emit` writes, Nomad's own command runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cluster import Cluster
from jobs.http import ask
from tests.cluster import script

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

#: Seconds for one command.
PATIENCE_S = 60
REVIEWED = """\
import chalkcompute


@chalkcompute.function(cpu=0.1, memory="64Mi", options={"nomad.priority": "70"})
def reviewed(n: int) -> int:
    return n + 1
"""


def _run(cluster: Cluster, *words: str) -> str:
    done = subprocess.run(
        words,
        env=script.environment(cluster),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _fnq(cluster: Cluster, *words: str) -> str:
    return _run(cluster, str(Path(sys.executable).with_name("fnq")), *words)


def test_what_is_emitted_is_run_by_hand_and_then_deployed(plain: Cluster, tmp_path: Path) -> None:
    """The worker that Nomad's command has started is the one that the call finds."""
    file, folder = tmp_path / "reviewed.py", tmp_path / "review"
    file.write_text(REVIEWED)
    told = _fnq(plain, "deploy", str(file), "--emit", str(folder))
    assert "reviewed: new function (1)" in told
    assert "workers: 1 to be placed" in told
    assert (folder / "plan.txt").read_text() == told
    [hcl] = folder.glob("*.nomad.hcl")
    assert "priority    = 70" in hcl.read_text()
    _run(plain, "nomad", "job", "validate", str(hcl))
    _run(plain, "nomad", "job", "run", "-detach", str(hcl))
    identity = hcl.name.partition(".")[0]
    made = ask("GET", f"{plain.nomad.address}/v1/job/{identity}")
    _fnq(plain, "deploy", str(file))
    assert _fnq(plain, "call", "reviewed", "--json", '{"n": 1}').strip() == "2"
    found = ask("GET", f"{plain.nomad.address}/v1/job/{identity}")
    assert found["Version"] == made["Version"] == 0
