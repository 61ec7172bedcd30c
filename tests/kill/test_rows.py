"""Processes are killed with -9 in the middle of a long call of packed rows."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.livestack import Stack, wait_until

pytestmark = pytest.mark.kill

ROWS = Path(__file__).parent / "programs" / "rows.py"
#: Rows of the call, and those that have run when a process is killed: about two seconds.
COUNT, BEFORE = 2_000, 800


@pytest.mark.timeout(120)
@pytest.mark.parametrize("role", ["runner", "worker", "consumer", "server", "redis"])
def test_a_death_during_a_long_call_of_rows_repeats_few_of_them(
    stack: Stack, tmp_path: Path, role: str
) -> None:
    """Each outcome comes once and in order; rows whose outcomes were out do not run again."""
    marks = tmp_path / "marks"

    def ran() -> list[str]:
        return marks.read_text().split() if marks.exists() else []

    with stack.start(ROWS, str(marks), str(COUNT)) as call:
        wait_until("rows run", lambda: len(ran()) >= BEFORE)
        os.kill(stack.pid(role, "mark" if role in ("runner", "worker") else ""), signal.SIGKILL)
        output, _ = call.communicate(timeout=100)

    report = json.loads(output.splitlines()[-1])
    assert report == {"heard": list(range(COUNT)), "exhausted": True}
    assert set(ran()) == {str(row) for row in range(COUNT)}
    again = len(ran()) - COUNT
    print(f"\n{role}: {again} of {COUNT} rows ran again")
    assert again < BEFORE


@pytest.mark.timeout(180)
def test_rows_that_kill_their_worker_are_lost_alone(stack: Stack) -> None:
    """Sync or async, next to each other or not; all others have their values."""
    output = stack.script(Path(__file__).parent / "programs" / "deadly.py", timeout_s=150)
    lost = "WorkerLostError"
    assert json.loads(output.splitlines()[-1]) == [
        [0, 1, 2, lost, lost, 5, 6, 7, lost, 9],
        [0, 1, 2, lost, 4, 5, 6, 7, lost, 9],
    ]
