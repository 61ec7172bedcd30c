"""The same rows through Ray Data and Dask, where `make peers` has installed them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

__all__ = ["MISSING", "measured"]

_ROOT = Path(__file__).resolve().parents[2]
_PYTHON = _ROOT / ".venv-peers" / "bin" / "python"
#: Seconds that one of them may take for all its rounds, its start included.
_PATIENCE_S = 240
#: What is said where they are not measured.
MISSING = "Ray and Dask are not measured: make peers installs them"


def measured(file: Path, rounds: int) -> dict[str, list[float]] | None:
    """Return the seconds of each round, by peer and how it was asked; None where there is none.

    Each is measured with one worker, as fnq is, and with one for each core.
    """
    if not _PYTHON.exists():
        return None
    told: dict[str, list[float]] = {}
    for module in ("tests.bench.of_dask", "tests.bench.of_ray"):
        for workers in (1, os.cpu_count() or 1):
            for name, times in _asked(module, file, rounds, workers).items():
                told[f"{name}, {workers} workers"] = times
    return told


def _asked(module: str, file: Path, rounds: int, workers: int) -> dict[str, list[float]]:
    done = subprocess.run(
        [str(_PYTHON), "-m", module, str(file), str(rounds), str(workers)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr}")
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found
