"""The GPUs that a worker was given by who placed it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["visible"]

#: What a device plugin tells a task, and what CUDA reads; both take ids of GPUs.
_GIVEN, _READ = "NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"
#: Images of NVIDIA's say "all", which no id is.
_ID = re.compile(r"(?:GPU|MIG)-")


def visible(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variable by which CUDA sees no other GPUs; empty where that need not be said."""
    given = environ.get(_GIVEN, "")
    return {_READ: given} if _ID.match(given) and _READ not in environ else {}
