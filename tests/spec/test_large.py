"""Values over the inline threshold, and what is left of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines

pytestmark = pytest.mark.spec

#: What looks into the directory of an embedded stack.
embedded = pytest.mark.skipif(ClusterStack.named(), reason="a cluster shares no spool")
#: Seconds within which what a kill leaves behind is given back.
_GIVEN_BACK_S = 20.0
#: MiB of a large value, and how many of them one process must not hold.
_LARGE_MIB, _TIMES = 64, 6


def spooled(stack: Stack) -> list[str]:
    """Return the values that lie in the spool."""
    return [name for name in os.listdir(stack.home / "state" / "spool") if name[:2] in ("v-", "k-")]


def peaks_mib(stack: Stack) -> dict[int, int]:
    """Return the most memory that each process but the runners has had so far, in MiB."""
    found = {}
    for each in (each for each in stack.status()["processes"] if each["role"] != "runner"):
        with suppress(FileNotFoundError, ProcessLookupError):  # It ended since.
            status = Path(f"/proc/{each['pid']}/status").read_text()
            [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
            found[each["pid"]] = int(line.split()[1]) >> 10
    return found


@pytest.mark.machine
def test_large_values_come_back_exactly_and_may_be_changed(stack: Stack) -> None:
    """Arrays of every dtype and layout, tables, frames, bytes, texts and lists, and chunks."""
    assert lines(stack, "large_values.py") == ["arrays", "others", "writable", "chunks"]


@embedded
def test_nobody_between_the_two_ends_of_a_call_holds_its_large_values(stack: Stack) -> None:
    """And when it has ended nobody at all."""
    assert lines(stack, "large_many.py", "1", "1") == ["done"]
    before = peaks_mib(stack)
    assert lines(stack, "large_many.py", str(_TIMES), str(_LARGE_MIB)) == ["done"]
    grown = {pid: peak - before[pid] for pid, peak in peaks_mib(stack).items() if pid in before}
    assert len(grown) >= 5, grown
    assert max(grown.values()) < _LARGE_MIB // 2, grown
    wait_until("the spool is empty", lambda: not spooled(stack), _GIVEN_BACK_S)


@embedded
@pytest.mark.parametrize("role", ["caller", "runner", "worker", "server"])
def test_large_values_are_given_back_though_a_process_is_killed(
    stack: Stack, tmp_path: Path, role: str
) -> None:
    """The call goes on where its caller lives, with the same values."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAMS / "large_deaths.py"), str(tmp_path)],
        env=stack.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as caller:
        wait_until("the run has begun", (tmp_path / "begun").exists)
        assert spooled(stack)
        function = "large_and_slow" if role in ("runner", "worker") else ""
        os.kill(caller.pid if role == "caller" else stack.pid(role, function), signal.SIGKILL)
        if role == "caller":
            # Its run goes on, and has the values still.
            wait_until("the spool is empty", lambda: not spooled(stack), _GIVEN_BACK_S)
            (tmp_path / "few").touch()
        (tmp_path / "go").touch()
        assert caller.stdout is not None
        assert caller.stdout.read() == ("" if role == "caller" else "whole\n")
    if role != "caller":
        wait_until("the spool is empty", lambda: not spooled(stack), _GIVEN_BACK_S)
