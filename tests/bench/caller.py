"""The script that calls, as the benchmark sees it, and the processes its calls pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench import proc
from tests.livestack import Stack

__all__ = ["Caller"]

_SCRIPT = Path(__file__).with_name("script.py")
_ROOT = Path(__file__).resolve().parents[2]
#: What the benchmark calls the roles of `fnq status`.
_ROLES = {"worker": "agent"}


class Caller:
    """A script that runs on `stack` and does what it is told, until `close`."""

    def __init__(self, stack: Stack) -> None:
        self._script = subprocess.Popen(
            [sys.executable, str(_SCRIPT)],
            env=stack.env | {"PYTHONPATH": str(_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()
        status = stack.status()
        self._processes = [*status["processes"], *status["parents"]]

    @property
    def redis(self) -> str:
        """Return the address of the stack's Redis."""
        found: str = next(it["address"] for it in self._processes if it["role"] == "redis")
        return found

    def ask(self, verb: str, amount: int | str) -> dict[str, Any]:
        """Have the script do so many, or the file, of what `verb` says; return its answer."""
        assert self._script.stdin is not None
        self._script.stdin.write(json.dumps([verb, amount]) + "\n")
        self._script.stdin.flush()
        return self._answer()

    def ask_and_weigh(
        self, verb: str, amount: int | str
    ) -> tuple[dict[str, Any], dict[str, float]]:
        """Do as `ask`; return also the CPU seconds that each role spent on it."""
        before = self._cpu()
        answer = self.ask(verb, amount)
        after = self._cpu()
        return answer, {role: after[role] - before[role] for role in after}

    def pids(self) -> dict[str, list[int]]:
        """Return the processes by role, those of both functions and the script's own."""
        found: dict[str, list[int]] = {"client": [self._script.pid]}
        for each in self._processes:
            role = _ROLES.get(each["role"], each["role"])
            found.setdefault(role, []).append(each["pid"])
        return found

    def memory(self) -> dict[str, float]:
        """Return the memory of one process of each role, in MiB."""
        return {role: proc.pss_mib(pids[0]) for role, pids in self.pids().items()}

    def close(self) -> None:
        """Let the script end."""
        assert self._script.stdin is not None
        self._script.stdin.close()
        self._script.wait(10)
        assert self._script.stdout is not None
        self._script.stdout.close()

    def _answer(self) -> dict[str, Any]:
        assert self._script.stdout is not None
        line = self._script.stdout.readline()
        if not line:
            raise RuntimeError(f"the script that calls ended: exit code {self._script.wait(10)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _cpu(self) -> dict[str, float]:
        return {role: sum(map(proc.cpu_s, pids)) for role, pids in self.pids().items()}
