"""What a function asks of its machine, as numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from fnq_wire.gpu import GpuAsk

__all__ = ["PARSERS", "parse_cpu", "parse_gpu", "parse_memory"]

_CPU = re.compile(r"(\d+)m|(\d+(?:\.\d+)?)")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?")
_GPU_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")
_GPU_MEMORY = re.compile(r"\d+(?:\.\d+)?[KMGT]i?")
_GPU_EXPECTED = (
    'gpu: expected "nvidia-l4", "nvidia-l4:2", "2:nvidia-a100", "nvidia:40Gi", '
    "or a list of such, first choice first"
)
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
#: Kinds of GPU that one function may take.
_MAX_CHOICES = 8


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


def parse_memory(value: object, argument: str = "memory") -> int:
    """Return bytes for "512Mi", "4Gi" or a number of bytes.

    Raises TypeError or ValueError that says of which argument, and what was expected.
    """
    expected = f'{argument}: expected "512Mi", "4Gi" or a number of bytes'
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


def parse_gpu(value: object) -> tuple[GpuAsk, ...]:
    """Return what is taken, first choice first, for "nvidia-l4", "2:nvidia-a100:40Gi" or a list.

    Count and memory of each stand before or after the name, in any order. Raises TypeError
    or ValueError that says what was expected.
    """
    if isinstance(value, str):
        return (_parse_gpu(value),)
    if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
        raise TypeError(f"{_GPU_EXPECTED}, not {value!r} ({type(value).__name__})")
    if not 1 <= len(value) <= _MAX_CHOICES:
        raise ValueError(f"{_GPU_EXPECTED} (of 1 to {_MAX_CHOICES}), not {value!r}")
    return tuple(dict.fromkeys(_parse_gpu(each) for each in value))


def _parse_gpu(value: str) -> GpuAsk:
    names, counts, sizes = [], [], []
    for part in value.strip().split(":"):
        if part.isdecimal():
            counts.append(int(part))
        elif _GPU_MEMORY.fullmatch(part):
            sizes.append(parse_memory(part, "gpu"))
        else:
            names.append(part.lower())
    if len(names) != 1 or not _GPU_NAME.fullmatch(names[0]) or max(len(counts), len(sizes)) > 1:
        raise ValueError(f"{_GPU_EXPECTED}, not {value!r}")
    count = counts[0] if counts else 1
    if not 1 <= count <= _MAX_GPUS:
        raise ValueError(f"{_GPU_EXPECTED} (1 to {_MAX_GPUS} of them), not {value!r}")
    return GpuAsk(names[0], count, sizes[0] if sizes else 0)


#: What reads the value of each argument.
PARSERS: Mapping[str, Callable[[object], object]] = {
    "cpu": parse_cpu,
    "memory": parse_memory,
    "gpu": parse_gpu,
}
