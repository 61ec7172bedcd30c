"""Map a function over files: each row is a file, and one that is bad spoils no other.

Run `python examples/files.py [FOLDER]`. You see the longest line of every Python file in the
folder (by itself: of the examples), each as soon as it is there, and what is wrong with those
that cannot be read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import chalkcompute
from chalkcompute.errors import RemoteError


@chalkcompute.function
def longest_line(source: bytes) -> tuple[int, str]:
    """Return length and text of the longest line of a file in UTF-8."""
    line = max(source.decode().splitlines(), key=len, default="")
    return len(line), line.strip()


def contents(paths: list[Path]) -> Iterator[bytes]:
    """Read one file after the other: never more are in memory than are under way."""
    for path in paths:
        yield path.read_bytes()


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
files = sorted(folder.glob("*.py"))
results = longest_line.map(contents(files), return_exceptions=True)
for path, result in zip(files, results, strict=True):
    if isinstance(result, RemoteError):
        print(f"{path.name}: {result}")
    else:
        length, text = result
        print(f"{path.name}: {length} characters: {text}")
