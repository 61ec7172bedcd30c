"""Counting the system calls of processes that run: with perf, else with strace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = ["Counter", "calls_in", "find"]

_EVENT = "raw_syscalls:sys_enter"
#: Tools in order, and how to learn whether they may count here. What strace traces
#: becomes slow, so that more calls share a frame than usually do.
_TRIALS = {"perf": ["stat", "-e", _EVENT, "true"], "strace": ["-c", "true"]}
#: Seconds that a tool has to write what it counted.
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Counter:
    """A tool that counts; `name` is "perf" or "strace"."""

    name: str
    path: str

    @contextmanager
    def counting(self, pids: Iterable[int], folder: Path) -> Iterator[dict[int, int]]:
        """Count while the block runs; what is yielded is filled in at its end."""
        counts: dict[int, int] = {}
        running: dict[int, subprocess.Popen[str]] = {}
        files = {pid: folder / f"{pid}.calls" for pid in pids}
        start = _start_perf if self.name == "perf" else _start_strace
        try:
            for pid, file in files.items():
                running[pid] = start(self.path, pid, file)
            yield counts
        finally:
            for each in running.values():
                each.send_signal(signal.SIGINT)
            for pid, each in running.items():
                each.communicate(timeout=_PATIENCE_S)
                counts[pid] = calls_in(files[pid].read_text())


def find() -> Counter | None:
    """Return the first tool that is here and may count; None where there is none."""
    for name, words in _TRIALS.items():
        path = shutil.which(name)
        if path and subprocess.run([path, *words], capture_output=True).returncode == 0:
            return Counter(name, path)
    return None


def _start_perf(path: str, pid: int, file: Path) -> subprocess.Popen[str]:
    """Start perf for one process; return when it counts."""
    orders, our_orders = os.pipe()
    our_answers, answers = os.pipe()
    command = [path, "stat", "-x", ",", "-e", _EVENT, "-o", str(file), "-p", str(pid)]
    command += ["--control", f"fd:{orders},{answers}"]
    tool = subprocess.Popen(
        command, pass_fds=(orders, answers), stderr=subprocess.DEVNULL, text=True
    )
    os.close(orders)
    os.close(answers)
    with open(our_orders, "wb", buffering=0) as say, open(our_answers, "rb", buffering=0) as hear:
        say.write(b"ping\n")
        hear.read(4)
    return tool


def _start_strace(path: str, pid: int, file: Path) -> subprocess.Popen[str]:
    """Start strace for one process; return when it counts."""
    command = [path, "-f", "-c", "-o", str(file), "-p", str(pid)]
    tool = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    # It says "attached" once it counts.
    said: IO[str] | None = tool.stderr
    assert said is not None
    said.readline()
    return tool


def calls_in(summary: str) -> int:
    """Return the number of system calls in what `perf stat -x,` or `strace -c` wrote."""
    for line in summary.splitlines():
        if _EVENT in line:
            count = line.split(",")[0]
            return int(count) if count.isdecimal() else 0
        words = line.split()
        if words and words[-1] == "total":
            return int(words[3])
    return 0
