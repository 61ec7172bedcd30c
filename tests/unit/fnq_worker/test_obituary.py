"""How a runner's end is told."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from fnq_wire import pipe
from fnq_wire.cgroup import Memory
from fnq_worker.allowance import Allowance
from fnq_worker.obituary import obituary
from fnq_worker.runner import Runner

MIB = 1 << 20
LOST = "the process that ran the call was lost: "


async def ended(code: int | None, number: int | None, doom: str = "") -> Runner:
    """Return a runner that ended so."""
    await asyncio.sleep(0)
    runner = Runner("t", lambda *_: None, lambda *_: None, lambda *_: None)
    runner.code, runner.signal, runner.doom = code, number, doom
    return runner


@pytest.mark.parametrize(
    ("code", "number", "doom", "ran_out", "text", "detail"),
    [
        (3, None, "", None, "it exited with code 3", {"reason": "exit", "exit_code": "3"}),
        (None, None, "", None, "its pipe closed", {"reason": "its pipe closed"}),
        (None, 9, "it was in the way", None, "it was in the way", {"reason": "killed"}),
        (pipe.CUT_OFF, None, "", None, "its connection to the worker", {"reason": "cut off"}),
        (
            None, 11, "", Memory(MIB, MIB, 1),
            "it was killed by SIGSEGV", {"reason": "signal", "signal": "SIGSEGV"},
        ),
        (None, 64, "", None, "it was killed by", {"reason": "signal"}),
        (
            None, 9, "", None, "it was killed by SIGKILL, as happens when memory runs out",
            {"reason": "signal", "signal": "SIGKILL"},
        ),
        (
            None, 9, "", Memory(512 * MIB, 511 * MIB, 1),
            'it ran out of memory: it was killed by SIGKILL at 511Mi, with memory="512Mi"; try m',
            {
                "reason": "oom_killed", "signal": "SIGKILL",
                "peak": str(511 * MIB), "limit": str(512 * MIB),
            },
        ),
        (
            None, 9, "", Memory(3 << 30, 0, 2),
            'it ran out of memory: it was killed by SIGKILL, with memory="3Gi"; try memory="8Gi"',
            {"reason": "oom_killed", "peak": "0"},
        ),
        (
            None, 9, "", Memory(512 * MIB, 80 * MIB, 1),
            "this machine ran out of memory: it was killed by SIGKILL at 80Mi, of 512Mi that it",
            {"reason": "oom_killed"},
        ),
    ],
)  # fmt: skip
async def test_the_cause_is_named_with_its_remedy(
    code: int | None,
    number: int | None,
    doom: str,
    ran_out: Memory | None,
    text: str,
    detail: dict[str, str],
) -> None:
    """A limit that it ran into is the function's; below it, it is the machine's."""
    told = obituary(await ended(code, number, doom), "its pipe closed", ran_out)
    assert told["error"] == "WorkerLostError"
    assert told["message"].startswith(LOST + text)
    assert told["detail"].items() >= detail.items()
    assert "log" not in told["detail"]


async def test_the_last_lines_are_told_beside_it() -> None:
    """They are the user's: no part of the message, which is logged."""
    runner = await ended(None, int(signal.SIGKILL))
    told = obituary(runner, "", None, "loading\nloaded")
    assert "loaded" not in told["message"]
    assert told["detail"]["log"] == "loading\nloaded"


def test_each_kill_for_memory_is_told_once(tmp_path: Path) -> None:
    """A death afterwards has another cause."""
    control, files = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n", tmp_path
    (files / "memory.oom_control").write_text(control.format(0))
    (files / "memory.limit_in_bytes").write_text(str(MIB))
    allowance = Allowance([str(files)])
    assert allowance.ran_out() is None
    (files / "memory.oom_control").write_text(control.format(1))
    assert allowance.ran_out() == Memory(MIB, 0, 1)
    assert allowance.ran_out() is None
    assert Allowance().ran_out() is None


def test_a_kill_from_before_is_told_to_nobody(tmp_path: Path) -> None:
    """A group that the agent was started in may have had other processes; it holds this one too."""
    (tmp_path / "mountinfo").write_text(f"1 2 0:1 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "cgroup").write_text("0::/task\n")
    group = tmp_path / "task"
    group.mkdir()
    (group / "memory.max").write_text(str(MIB))
    (group / "memory.events").write_text("oom 3\noom_kill 3\n")
    allowance = Allowance.of({"expendable": True, "cgroups": ()}, str(tmp_path))
    apart = Allowance.of({"expendable": False, "cgroups": ()}, str(tmp_path))
    assert allowance.ran_out() is None
    (group / "memory.events").write_text("oom 4\noom_kill 4\n")
    assert allowance.ran_out() == Memory(MIB, 0, 4)
    assert apart.ran_out() is None
