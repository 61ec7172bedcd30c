"""The server that decides how many workers there are is killed; another one decides on."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from fnq_core import keys
from tests.livestack import Stack, wait_until

pytestmark = pytest.mark.kill

CROWD = Path(__file__).parent / "programs" / "crowd.py"


@pytest.mark.timeout(120)
def test_workers_are_added_and_taken_away_after_the_leader_was_killed(
    stack: Stack, tmp_path: Path
) -> None:
    """Calls that need four workers at once end, and the workers are gone when they are idle."""
    with stack.start(CROWD, str(tmp_path)) as program:
        wait_until("a call runs", (tmp_path / "0.mark").exists)
        with stack.redis() as redis:
            leader = redis.client.get(keys.LEADER)
        os.kill(stack.pid("server"), signal.SIGKILL)
        killed = time.monotonic()
        (tmp_path / "go").touch()
        output, _ = program.communicate(timeout=60)
    print(f"\nfour workers {time.monotonic() - killed:.1f} s after the death")
    assert output.splitlines()[-1] == "[0, 1, 2, 3]"
    wait_until("no worker", lambda: not stack.processes("worker", "crowd"), 60.0)
    with stack.redis() as redis:
        assert redis.client.get(keys.LEADER) not in (None, leader)
