"""What an engine says while it builds: which step it is at, and why it ends. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fnq_server.image.docker.dockerfile import Line
from fnq_server.image.lines import Lines, shown
from fnq_server.image.masking import mask

__all__ = ["Transcript"]

#: How an engine announces an instruction.
_STEP = re.compile(r"step (\d+)/\d+ ?: (.*)", re.IGNORECASE)
#: What an engine says of itself between the lines of a step: "---> 8d8af61cebf9".
_OWN_WORDS = re.compile(r" ?-+> |Removing intermediate container|Successfully (built|tagged) ")
_CODE = re.compile(r"returned a non-zero code: (\d+)")
#: Lines that an error repeats.
_LAST = 15


class Transcript:
    """Reads one build, message by message, and passes on steps and lines."""

    def __init__(self, title: str, lines: Sequence[Line], say: Callable[[str, str], None]) -> None:
        self._instructions = list(lines)
        self._say = say
        self._lines = Lines()
        self._title = title
        self._tail: deque[str] = deque(maxlen=_LAST)
        #: Id of what was built; "" while nothing is.
        self.identity = ""

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take one message of the engine."""
        if "stream" in message:
            for line in self._lines.feed(message["stream"]):
                self._line(line)
        elif isinstance(message.get("aux"), Mapping) and "ID" in message["aux"]:
            self.identity = str(message["aux"]["ID"])

    def failure(self, words: str) -> str:
        """Return what is to be said of a build that ended with these words of the engine."""
        for line in self._lines.end():
            self._line(line)
        code = _CODE.search(words)
        reason = f"failed with exit code {code[1]}" if code else f"failed: {mask(words)}"
        return "\n".join([f"{self._title} {reason}", *self._tail])

    def _line(self, text: str) -> None:
        line = shown(text)
        # Compared as it is written in the Dockerfile.
        step = _STEP.fullmatch(text)
        if step is not None:
            self._begin(step[2])
        elif line and not _OWN_WORDS.match(line):
            self._tail.append(line)
            self._say(self._title, line)

    def _begin(self, instruction: str) -> None:
        """Take note of the instruction that is carried out from now on."""
        there = (n for n, line in enumerate(self._instructions) if _same(line, instruction))
        index = next(there, None)
        if index is None:  # One of several that the user wrote as one.
            return
        line = self._instructions[index]
        del self._instructions[: index if line.raw else index + 1]
        self._tail.clear()
        if line.title != self._title:
            self._title = line.title
            self._say(self._title, "")


def _same(line: Line, instruction: str) -> bool:
    return instruction == line.text or (line.raw and instruction in line.text)
