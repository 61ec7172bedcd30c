"""Environment variables: what may name one."""

from __future__ import annotations

import re

__all__ = ["is_variable"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_variable(name: object) -> bool:
    """Return whether `name` is text that can name an environment variable everywhere."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None
