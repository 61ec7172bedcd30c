"""What nobody may see, on a terminal and on a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from chalkcompute.cli import entering

Typing = Callable[..., list[str]]


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Returns what was asked for, once it has been said what is typed on a terminal."""

    def typed(*answers: str) -> list[str]:
        asked: list[str] = []
        waiting = iter(answers)

        def ask(prompt: str) -> str:
            asked.append(prompt)
            answer = next(waiting, None)
            if answer is None:
                raise EOFError
            return answer

        monkeypatch.setattr("getpass.getpass", ask)
        monkeypatch.setattr(sys, "stdin", _Terminal())
        return asked

    return typed


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Put these bytes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "value"), [(b"x\n", b"x"), (b"x\n\n", b"x\n"), (b" x ", b" x "), (b"\xff", b"\xff")]
)
def test_a_value_is_all_of_standard_input_but_one_newline(
    monkeypatch: pytest.MonkeyPatch, data: bytes, value: bytes
) -> None:
    """As `echo` and files end."""
    piped(monkeypatch, data)
    assert entering.read_value("A") == value


@pytest.mark.parametrize("data", [b"", b"\n"])
def test_an_empty_value_is_refused(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """It names what was to come."""
    piped(monkeypatch, data)
    with pytest.raises(ValueError, match="expected the value of A on standard input"):
        entering.read_value("A")


def test_on_a_terminal_values_are_asked_for_without_an_echo(typing: Typing) -> None:
    """One by one for a group, until nothing is typed, or Ctrl-D."""
    asked = typing("hunter2")
    assert entering.read_value("A") == b"hunter2"
    assert asked == ["value of A (it is not shown): "]
    for answers in (("A=1", "B='2'", ""), ("A=1", "B='2'")):
        asked = typing(*answers)
        assert entering.read_lines() == "A=1\nB='2'"
        assert len(asked) == 3
    typing()
    with pytest.raises(ValueError, match="nothing came"):
        entering.read_value("A")


def test_lines_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not shown."""
    piped(monkeypatch, b"A=hunter2\xff")
    with pytest.raises(ValueError, match="expected text in UTF-8") as problem:
        entering.read_lines()
    assert problem.value.__cause__ is None
