"""What the kernel knows of processes: CPU time, memory, system calls."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["calls_in", "count_calls", "cpu_s", "pss_mib", "tracer"]

_TICKS = os.sysconf("SC_CLK_TCK")
#: Seconds that strace has to write what it counted.
_PATIENCE_S = 10.0


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used, all its threads; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def pss_mib(pid: int) -> float:
    """Return the memory of a process in MiB, what it shares counted by its share."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def tracer() -> str | None:
    """Return the path of strace, None where it is missing or may not trace."""
    path = shutil.which("strace")
    if path is None:
        return None
    tried = subprocess.run([path, "-c", "true"], capture_output=True)
    return path if tried.returncode == 0 else None


@contextmanager
def count_calls(path: str, pids: Iterable[int], folder: Path) -> Iterator[dict[int, int]]:
    """Count the system calls of processes while the block runs; filled in at its end."""
    counts: dict[int, int] = {}
    tracers: dict[int, subprocess.Popen[str]] = {}
    try:
        for pid in pids:
            command = [path, "-f", "-c", "-o", str(folder / f"{pid}.calls"), "-p", str(pid)]
            tracers[pid] = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for each in tracers.values():
            # It says "attached" once it counts.
            assert each.stderr is not None
            each.stderr.readline()
        yield counts
    finally:
        for each in tracers.values():
            each.send_signal(signal.SIGINT)
        for pid, each in tracers.items():
            each.communicate(timeout=_PATIENCE_S)
            counts[pid] = calls_in((folder / f"{pid}.calls").read_text())


def calls_in(summary: str) -> int:
    """Return the number of system calls in what `strace -c` wrote."""
    for line in summary.splitlines():
        words = line.split()
        if words and words[-1] == "total":
            return int(words[3])
    return 0
