"""What a build prints: cut into lines, not too many at once, and fit to be shown. Pure."""

from __future__ import annotations

import re

from fnq_server.image.masking import mask

__all__ = ["MOST_AT_ONCE", "Lines", "shown"]

#: Lines of what comes at once that are passed on, the last ones: nobody reads more.
MOST_AT_ONCE = 100
#: Characters of a line that are shown.
_LONGEST = 2_000
#: Characters of a line without an end that are kept, the last ones; no instruction has more.
_MOST_BEGUN = 1 << 18
#: Colours: an engine sets some, programs others.
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Lines:
    """Cuts what comes in parts into lines."""

    def __init__(self) -> None:
        self._begun = ""

    def feed(self, text: str) -> list[str]:
        """Return the lines that are complete; one that says so stands for those left out."""
        *whole, begun = (self._begun + text).split("\n")
        self._begun = begun[-_MOST_BEGUN:]
        many = len(whole) - MOST_AT_ONCE
        if many > 0:
            whole = [f"({many} lines are left out)", *whole[many:]]
        return whole

    def end(self) -> list[str]:
        """Return the last line, where it has no end."""
        begun, self._begun = self._begun, ""
        return [begun] if begun else []


def shown(line: str) -> str:
    """Return what stands in a line in the end: one that was written over says the last.

    Controls and passwords are gone, and so is what is too long.
    """
    text = _COLOUR.sub("", line).rstrip().rpartition("\r")[2][: 2 * _LONGEST]
    return mask("".join(each for each in text if each.isprintable() or each == "\t"))[:_LONGEST]
