"""What a function asks of its machine, as numbers."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

__all__ = ["Gpu", "parse_cpu", "parse_gpu", "parse_memory"]

_CPU = re.compile(r"(\d+)m|(\d+(?:\.\d+)?)")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?")
_GPU_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")
_UNITS = {
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 1 << 10,
    "Mi": 1 << 20,
    "Gi": 1 << 30,
    "Ti": 1 << 40,
}
#: Cores; above it is a slip of the unit.
_MAX_CORES = 100_000
#: Bytes; no interpreter runs in less, so less is a slip of the unit.
_MIN_MEMORY = 1 << 20
_MAX_MEMORY = 1 << 50
_MAX_GPUS = 1_024


class Gpu(NamedTuple):
    """A kind of GPU in lower case, and how many of it."""

    name: str
    number: int


def parse_cpu(value: object) -> int:
    """Return thousandths of a core for 2, 0.5, "2" or "500m".

    Raises TypeError or ValueError that says what was expected.
    """
    expected = 'cpu: expected cores as 2, 0.5, "2" or "500m"'
    if isinstance(value, str):
        found = _CPU.fullmatch(value.strip())
        if found is None:
            raise ValueError(f"{expected}, not {value!r}")
        cores = int(found[1]) / 1000 if found[1] else float(found[2])
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        cores = float(value)
    else:
        raise TypeError(f"{expected}, not {value!r} ({type(value).__name__})")
    millis = round(cores * 1000) if math.isfinite(cores) else 0
    if not 0 < millis <= _MAX_CORES * 1000:
        raise ValueError(f"{expected} (at least 1m, at most {_MAX_CORES}), not {value!r}")
    return millis


def parse_memory(value: object) -> int:
    """Return bytes for "512Mi", "4Gi" or a number of bytes.

    Raises TypeError or ValueError that says what was expected.
    """
    expected = 'memory: expected "512Mi", "4Gi" or a number of bytes'
    if isinstance(value, str):
        found = _MEMORY.fullmatch(value.strip())
        if found is None:
            raise ValueError(f"{expected}, not {value!r} (units: {', '.join(_UNITS)})")
        size = round(float(found[1]) * _UNITS.get(found[2] or "", 1))
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        raise TypeError(f"{expected}, not {value!r} ({type(value).__name__})")
    if size < _MIN_MEMORY:
        raise ValueError(f"{expected}, not {value!r}: that is {size} bytes, under the least of 1Mi")
    if size > _MAX_MEMORY:
        raise ValueError(f"{expected}, not {value!r}: that is over the most of 1024Ti")
    return size


def parse_gpu(value: object) -> Gpu:
    """Return name and count for "nvidia-l4", "nvidia-l4:2" or "2:nvidia-a100".

    Raises TypeError or ValueError that says what was expected.
    """
    expected = 'gpu: expected "nvidia-l4", "nvidia-l4:2" or "2:nvidia-a100"'
    if not isinstance(value, str):
        raise TypeError(f"{expected}, not {value!r} ({type(value).__name__})")
    parts = value.strip().lower().split(":")
    if len(parts) == 1:
        parts.append("1")
    if parts[0].isdecimal():
        parts.reverse()
    if len(parts) != 2 or not _GPU_NAME.fullmatch(parts[0]) or not parts[1].isdecimal():
        raise ValueError(f"{expected}, not {value!r}")
    count = int(parts[1])
    if not 1 <= count <= _MAX_GPUS:
        raise ValueError(f"{expected} (1 to {_MAX_GPUS} of them), not {value!r}")
    return Gpu(parts[0], count)
