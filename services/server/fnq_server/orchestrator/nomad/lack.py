"""Why no node takes a worker."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Lack"]


class Lack(NamedTuple):
    """`permanent`: no node that Nomad knows would have room for it, were it empty."""

    sentence: str
    permanent: bool = False
