"""Run the program that misuses functions, and read what came of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.livestack import Stack

__all__ = ["PROGRAMS", "Report", "misuse", "run"]

PROGRAMS = Path(__file__).with_name("programs")
#: Seconds that a program may take; what it does wrong must be told long before.
_TIMEOUT_S = 40


@dataclass(frozen=True)
class Report:
    """What one misuse came to, as the program saw it."""

    facts: Mapping[str, Any]
    #: What the good call after it returned, None where none was made.
    then: Any
    stderr: str

    @property
    def type(self) -> str:
        """Return the name of the error's class."""
        name: str = self.facts["type"]
        return name

    @property
    def text(self) -> str:
        """Return the text of the error."""
        text: str = self.facts["text"]
        return text

    def is_a(self, *names: str) -> bool:
        """Tell whether the error is an instance of all these builtin or own classes."""
        return set(names) <= set(self.facts["builtin"])

    @property
    def seconds(self) -> float:
        """Return the seconds that passed before the error came."""
        seconds: float = self.facts["seconds"]
        return seconds


def run(
    stack: Stack, program: Path, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script on `stack`, with more in its environment."""
    return subprocess.run(
        [sys.executable, str(program), *words],
        env=stack.env | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def misuse(
    stack: Stack, name: str, *, env: Mapping[str, str] | None = None, then: bool = True
) -> Report:
    """Misuse a function by that name, and make a good call after it if `then`."""
    words = [name, "then"] if then else [name]
    done = run(stack, PROGRAMS / "misuse.py", *words, env=env)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    return Report(lines[0], lines[1] if len(lines) > 1 else None, done.stderr)
