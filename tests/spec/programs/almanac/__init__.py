"""A package with a data file and relative imports; its functions are remote."""

from __future__ import annotations

from .moon import phase
from .tide import tides

__all__ = ["phase", "tides"]
