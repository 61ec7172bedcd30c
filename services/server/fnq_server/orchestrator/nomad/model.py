"""The models that a name of a GPU stands for, as a regular expression over what NVML calls them.

`nvidia-l4` stands for "NVIDIA L4" and "Tesla L4", `nvidia-a100` for each A100 whatever its
form and memory, and never for a slice of one (MIG), unless its name says so. Pure; the
expressions mean the same to Nomad (RE2) and to Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fnq_wire.gpu import MAKER

__all__ = ["expression", "is_model", "pattern", "vendor"]

#: Makers that a name may begin with, as their device plugins call themselves, and what
#: stands before their models.
_VENDORS = {
    MAKER: "(?:(?:NVIDIA|Tesla|Quadro|GeForce|RTX) )*",
    "amd": "(?:(?:AMD|Instinct|Radeon) )*",
    "intel": "(?:(?:Intel|Arc) )*",
}
#: What tells forms of one model apart.
_FORM = "(?:[ -](?:SXM\\d?|PCIE|NVL|HBM\\d\\w?|OAM|\\d+GB|Generation))*"
#: Names in use elsewhere that no words of a model say, and the models.
_ELSEWHERE: Mapping[str, Sequence[str]] = {
    "nvidia-tesla-a100": ("NVIDIA A100-SXM4-40GB",),
    "nvidia-tesla-p4": ("Tesla P4", "NVIDIA P4"),
    "nvidia-a100-sxm": ("NVIDIA A100-SXM4-40GB", "NVIDIA A100-SXM4-80GB"),
    "nvidia-h100-sxm": ("NVIDIA H100 80GB HBM3",),
    "nvidia-h100-mega-80gb": ("NVIDIA H100 80GB HBM3",),
    "nvidia-h200-141gb": ("NVIDIA H200",),
}


def vendor(name: str) -> str:
    """Return who makes what a name stands for."""
    return _split(name)[0]


def _split(name: str) -> tuple[str, str]:
    first, _, rest = name.partition("-")
    return (first, rest) if first in _VENDORS else (MAKER, name)


def pattern(name: str, own: Mapping[str, Sequence[str]]) -> str:
    """Return what is in the expression for a name; empty where any model of its maker will do.

    `own` are the operator's names and the models, to the letter, that each stands for.
    """
    models = own.get(name) or _ELSEWHERE.get(name)
    if models:
        return "|".join(map(re.escape, models))
    maker, rest = _split(name)
    if not rest:
        return ""
    words = rest.replace("_", "-").split("-")
    return _VENDORS[maker] + f"{_FORM}[ -]".join(map(re.escape, words)) + _FORM


def expression(patterns: Sequence[str]) -> str:
    """Return what stands for the models of any of some patterns."""
    return f"(?i)^(?:{'|'.join(patterns)})$"


def is_model(found: str, model: str) -> bool:
    """Whether a model is one of those that an expression stands for; "" stands for all."""
    return not found or re.search(found, model) is not None
