"""What a function that cannot be imported lacks, where, and what to do about it. Pure."""

from __future__ import annotations

import re

__all__ = ["explained", "place_of"]

#: A frame of a traceback, or the place of a SyntaxError; not one inside Python itself.
_FRAME = re.compile(r'^ *File "(?!<frozen )([^"\n]*)", line (\d+)', re.MULTILINE)
_MISSING = re.compile(r"No module named '([^']+)'")
#: What sentences say that name a remedy themselves.
_REMEDIES = ("; try ", "; set ", "; run ", "; install ")


def explained(reason: str, traceback: str) -> str:
    """Return why a function cannot run, with the place of the fault and the remedy."""
    return f"{reason}{_where(traceback)}{_remedy(reason)}"


def place_of(traceback: str) -> tuple[str, int] | None:
    """Return file and line of the last frame of a traceback; None where it has none."""
    frames = _FRAME.findall(traceback)
    return (frames[-1][0], int(frames[-1][1])) if frames else None


def _where(traceback: str) -> str:
    place = place_of(traceback)
    return f" ({place[0].rpartition('/')[2]}, line {place[1]})" if place else ""


def _remedy(reason: str) -> str:
    missing = _MISSING.search(reason)
    if missing is not None:
        package = missing[1].partition(".")[0]
        return (
            f"; install {package!r} where the workers run, or name it in image=, as by "
            f"Image.debian_slim().pip_install({package!r}), and deploy again"
        )
    if any(each in reason for each in _REMEDIES):
        return ", and deploy again"
    return "; correct that, and deploy again"
