"""Run a program of this folder as a user would: a script, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.livestack import Stack

__all__ = ["PROGRAMS", "lines", "run"]

PROGRAMS = Path(__file__).with_name("programs")


def run(
    stack: Stack,
    program: str | Path,
    *words: str,
    env: Mapping[str, str] | None = None,
    **more: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a program on `stack` and return what came of it, whether it succeeded or not.

    `env` is added to the environment; `more` goes to subprocess.run.
    """
    return subprocess.run(
        [sys.executable, str(PROGRAMS / program), *words],
        env=stack.env | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=stack.patience_s,
        check=False,
        **more,
    )


def lines(
    stack: Stack, program: str | Path, *words: str, env: Mapping[str, str] | None = None
) -> list[str]:
    """Run a program, which must succeed, and return the lines that it printed."""
    done = run(stack, program, *words, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
