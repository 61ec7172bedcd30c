"""What may be shown of a build: everything but passwords in URLs. Pure."""

from __future__ import annotations

import re

__all__ = ["mask", "short"]

#: User and password before the host, up to the last "@"; they hold any character but these.
#: The scheme is not looked for: that would read a long word once for each of its letters.
_CREDENTIALS = re.compile(r"://[^\s/'\"]+@")
#: Characters of a step that are shown.
_LONGEST = 80


def mask(text: str) -> str:
    """Return a text in which no URL has a user or a password: "https://***@host/simple"."""
    return _CREDENTIALS.sub("://***@", text)


def short(title: str) -> str:
    """Return a step in one line, without passwords and not too long."""
    line = mask(" ".join(title.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
