"""How a command is given what nobody may see: on standard input, or typed without an echo."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator

__all__ = ["read_lines", "read_value"]


def read_value(name: str) -> bytes:
    """Return the value of a secret: all of standard input, but for one newline at its end.

    On a terminal it is asked for. Raises ValueError where there is none.
    """
    if sys.stdin.isatty():
        value = _ask(f"value of {name} (it is not shown): ").encode()
    else:
        value = sys.stdin.buffer.read().removesuffix(b"\n")
    if not value:
        raise ValueError(f"expected the value of {name} on standard input, and nothing came")
    return value


def read_lines() -> str:
    """Return the lines on standard input; on a terminal they are asked for, up to an empty one.

    Raises ValueError for what is no text in UTF-8.
    """
    if sys.stdin.isatty():
        return "\n".join(_typed())
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        # Without its cause, which would show what came.
        raise ValueError("expected text in UTF-8 on standard input") from None


def _typed() -> Iterator[str]:
    while line := _ask("NAME=VALUE (it is not shown; nothing: that was all): "):
        yield line


def _ask(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        return ""
