r"""Variables as text: lines of NAME=VALUE, as in a .env file. Pure.

Empty lines and those that begin with # say nothing, and "export " may stand before a name.
A value as it stands ends with its line; spaces around it are not part of it, a # in it is.
In single quotes it is what is between them; in double quotes \n, \r, \t, \" and \\ stand for
what they do in most languages. A value in quotes may have several lines.
"""

from __future__ import annotations

import re

__all__ = ["parse"]

_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SILENT = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN = re.compile(r"[^\n]*")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def parse(text: str) -> dict[str, str]:
    """Return the variables by name, in their order.

    Raises ValueError that names the line, and shows nothing of it.
    """
    # Some editors begin a file with a mark of its encoding.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        silent = _SILENT.match(text, at)
        if silent is not None and silent.end() > at:
            at = silent.end()
            continue
        line = text.count("\n", 0, at) + 1
        at += len(text[at:]) - len(text[at:].lstrip(" \t"))
        name = _NAME.match(text, at)
        if name is None:
            raise ValueError(f"line {line}: expected NAME=VALUE")
        if name[1] in found:
            raise ValueError(f"line {line}: {name[1]} is there twice")
        found[name[1]], at = _value(text, name.end(), line)
    return found


def _value(text: str, at: int, line: int) -> tuple[str, int]:
    """Return the value that begins at `at`, and where the next line begins."""
    quote = text[at : at + 1]
    if quote not in ("'", '"'):
        plain = _PLAIN.match(text, at)
        assert plain is not None  # it matches nothing, too
        return plain[0].strip(), plain.end() + 1
    quoted = (_SINGLE if quote == "'" else _DOUBLE).match(text, at)
    if quoted is None:
        raise ValueError(f"line {line}: the quote is not closed")
    rest = _SILENT.match(text, quoted.end())
    if rest is None:
        raise ValueError(f"line {line}: expected nothing behind the closing quote")
    value = quoted[1] if quote == "'" else _ESCAPE.sub(_unescape, quoted[1])
    return value, max(rest.end(), quoted.end())


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[0])
