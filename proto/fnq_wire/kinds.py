"""The kinds of functions, as a spec names them; standard library only."""

from __future__ import annotations

__all__ = ["yields"]


def yields(kind: str) -> bool:
    """Return whether a function of this kind yields, so that a call of it is a stream."""
    return kind in ("generator", "async_generator")
