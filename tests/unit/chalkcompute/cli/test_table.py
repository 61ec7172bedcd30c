"""Tables for people."""

from __future__ import annotations

import io

import pytest

from chalkcompute.cli.table import paint, render


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    """A column that no row fills takes no room."""
    rows = [("server", "", "7"), ("redis", "", "12345")]
    assert render(("ROLE", "BUSY", "PID"), rows, io.StringIO()).splitlines() == [
        "ROLE    PID",
        "server  7",
        "redis   12345",
    ]


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, a dumb terminal and a file get plain text."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint("x", "red", _Terminal()) == "\x1b[31mx\x1b[0m"
    assert paint("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert paint("x", "red", _Terminal()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert paint("x", "red", _Terminal()) == "x"
