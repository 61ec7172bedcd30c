"""What this machine has: cores, memory, GPUs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["look"]

#: Where the driver of NVIDIA has a directory for each GPU.
_GPUS = "/proc/driver/nvidia/gpus"
#: Seconds that nvidia-smi may take.
_ANSWER_S = 10.0


def look(gpus: str = _GPUS) -> dict[str, Any]:
    """Return what functions may ask of this machine.

    {"cores": those that this process may use, "memory_bytes", "gpus": [model, ...],
    "python": "3.11", of the stack and of functions without an image}
    """
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _of_driver(gpus) or _of_tool(),
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
    }


def _of_driver(folder: str) -> list[str]:
    """Return the models as the driver says them: "Model: NVIDIA L4" in a file of each."""
    found = []
    for path in sorted(Path(folder).glob("*/information")):
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:
            continue
        found += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return found


def _of_tool() -> list[str]:
    """Return the models as nvidia-smi says them: where the driver's files are not shown."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        done = subprocess.run(
            [tool, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_ANSWER_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]
