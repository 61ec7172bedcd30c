"""The other end of what stands beside: a module run as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["peer"]

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def peer(module: str, *words: str) -> Iterator[None]:
    """Run `python -m module words` while the block runs; it prints a line when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words], cwd=_ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise RuntimeError(f"{module} did not start")
        yield
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
