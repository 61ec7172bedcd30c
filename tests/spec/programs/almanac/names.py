"""The data file, and who reads it."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def names() -> list[str]:
    """Return the lines of the file beside this module."""
    return Path(__file__).with_name("data").joinpath("phases.txt").read_text("utf-8").split("\n")
