"""Debian packages that an image asks for: an environment has those of the machine."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Sequence

__all__ = ["lacking", "missing"]

_ASK = ("dpkg-query", "--show", "--showformat", "${Package}\t${db:Status-Status}\t${Provides}\n")
#: What follows a package's name: its architecture, its version.
_REST = re.compile(r"[:=/].*|\s*\(.*")


async def missing(packages: Sequence[str]) -> list[str]:
    """Return those of the packages that this machine does not have; all where it has no dpkg."""
    return lacking(packages, await asyncio.to_thread(_listing))


def _listing() -> str:
    try:
        return subprocess.run(_ASK, capture_output=True, text=True, errors="replace").stdout
    except OSError:
        return ""


def lacking(packages: Sequence[str], listing: str) -> list[str]:
    """Return those of the packages that a listing of dpkg-query does not have installed. Pure."""
    there: set[str] = set()
    for line in listing.splitlines():
        name, status, provides = line.split("\t")
        if status == "installed":
            there |= {name, *(_REST.sub("", each.strip()) for each in provides.split(","))}
    wanted = [_REST.sub("", each) for each in packages if not each.startswith("-")]
    return [each for each in wanted if each not in there]
