"""Memory as operators and options write it: "512Mi", "4Gi"."""

from __future__ import annotations

import re

__all__ = ["mebibytes"]

_SIZE = re.compile(r"([1-9][0-9]{0,8})(Mi|Gi)")
_UNITS = {"Mi": 1, "Gi": 1024}


def mebibytes(text: str) -> int:
    """Return MiB. Raises ValueError for what is not a whole number of Mi or Gi."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f'expected memory as "512Mi" or "4Gi", not {text!r}')
    return int(found[1]) * _UNITS[found[2]]
