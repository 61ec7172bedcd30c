"""Tables for people: aligned columns, colours only on a terminal that wants them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

__all__ = ["paint", "render"]

_COLOURS: Mapping[str, str] = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}


def render(head: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO = sys.stdout) -> str:
    """Return the lines of a table; columns that are empty in every row are left out."""
    shown = [i for i in range(len(head)) if any(row[i] for row in rows)]
    widths = [max(len(head[i]), *(len(row[i]) for row in rows)) for i in shown] if rows else []
    lines = []
    for row in (head, *rows):
        cells = [row[i].ljust(width) for i, width in zip(shown, widths, strict=True)]
        line = "  ".join(cells).rstrip()
        lines.append(paint(line, "bold", stream) if row is head else line)
    return "\n".join(lines)


def paint(text: str, colour: str, stream: TextIO = sys.stdout) -> str:
    """Return `text` in a colour, or as it is where NO_COLOR is set or `stream` is no terminal."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
