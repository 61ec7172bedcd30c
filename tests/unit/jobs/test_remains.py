"""What agents that were killed leave behind is removed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from jobs import remains
from jobs.agent import MARK


def test_a_task_that_outlived_its_agent_is_killed(tmp_path: Path) -> None:
    """It carries the mark of its cluster; a task of another one goes on."""
    ours, others = tmp_path / "state", tmp_path / "state-of-another"
    ours.mkdir()
    tasks = [
        subprocess.Popen(["sleep", "60"], env=os.environ | {MARK: str(place)})
        for place in (ours, others)
    ]
    remains.remove(ours)
    assert tasks[0].wait(10) == -9
    assert tasks[1].poll() is None
    assert not ours.exists()
    tasks[1].kill()
    tasks[1].wait(10)


def test_a_task_that_overwrote_its_environment_is_known_by_its_output(tmp_path: Path) -> None:
    """Redis does, with its title; who only looks into the cluster's directory goes on."""
    ours = tmp_path / "state"
    logs = ours / "nomad" / "alloc" / "id" / "alloc" / "logs"
    logs.mkdir(parents=True)
    with (logs / ".redis.stdout.fifo").open("ab") as output:
        task = subprocess.Popen(["sleep", "60"], env={}, stdout=output)
    shell = subprocess.Popen(["sleep", "60"], cwd=logs)
    remains.remove(ours)
    assert task.wait(10) == -9
    assert shell.poll() is None
    shell.kill()
    shell.wait(10)
