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
