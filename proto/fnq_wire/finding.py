"""What was found out of one thing that a cluster needs."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MISSING", "NOTE", "OK", "Finding", "missing", "note", "ok"]

#: It is as it must be; it must be mended; it works and is worth knowing, or nobody can tell.
OK, MISSING, NOTE = "ok", "missing", "note"


class Finding(NamedTuple):
    """One fact: its `subject` in a word or two, and a clause without capital and full stop.

    `state` is OK, MISSING or NOTE; `remedy` is "" where nothing is to be done, or where
    `what` says it.
    """

    subject: str
    state: str
    what: str
    remedy: str = ""


def ok(subject: str, what: str) -> Finding:
    """Return that something is as it must be."""
    return Finding(subject, OK, what)


def missing(subject: str, what: str, remedy: str = "") -> Finding:
    """Return that something must be mended."""
    return Finding(subject, MISSING, what, remedy)


def note(subject: str, what: str, remedy: str = "") -> Finding:
    """Return what need not be mended, or what nobody can tell."""
    return Finding(subject, NOTE, what, remedy)
