"""How long a first result takes: of a script, of a function without workers; and an import."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.caller import Caller
from tests.livestack import Stack, wait_until

__all__ = ["cold_call_s", "cold_s", "import_cpu_ms", "warm_s"]

_SCRIPT = Path(__file__).with_name("first.py")


def warm_s(stack: Stack) -> float:
    """Return the seconds until a script prints its first result, on the stack as it is."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(_SCRIPT)],
        env=stack.env,
        stdout=subprocess.PIPE,
        text=True,
    ) as script:
        assert script.stdout is not None
        line = script.stdout.readline()
        seconds = time.perf_counter() - begun
    if line != "8\n":
        raise RuntimeError(f"the first result was {line!r}: exit code {script.returncode}")
    return seconds


def cold_s(home: Path) -> float:
    """Return the same where nothing runs and nothing was ever deployed."""
    home.mkdir()
    stack = Stack(home)
    try:
        return warm_s(stack)
    finally:
        stack.down()


def cold_call_s(stack: Stack, caller: Caller) -> float:
    """Return the seconds of a call whose function is suspended, and imports nothing."""
    wait_until("no worker", lambda: not stack.processes("worker", "rest"))
    [seconds] = caller.ask("cold", 1)["times"]
    return float(seconds)


def import_cpu_ms() -> float:
    """Return the CPU milliseconds of a Python that imports chalkcompute and ends."""
    arguments = [sys.executable, "-c", "import chalkcompute"]
    pid = os.posix_spawn(sys.executable, arguments, os.environ)
    _, code, used = os.wait4(pid, 0)
    if code:
        raise RuntimeError("chalkcompute cannot be imported")
    return (used.ru_utime + used.ru_stime) * 1000
