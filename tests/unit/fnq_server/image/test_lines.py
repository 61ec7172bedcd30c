"""What a build prints, cut into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_server.image.lines import MOST_AT_ONCE, Lines, shown


@given(st.lists(st.text("ab ", min_size=1)), st.integers(1, 7))
def test_lines_are_the_same_however_they_come(texts: list[str], size: int) -> None:
    """The last one needs no end."""
    text, lines = "\n".join(texts), Lines()
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    found = [line for part in parts for line in lines.feed(part)]
    assert [*found, *lines.end()] == texts


def test_of_many_lines_at_once_only_the_last_are_passed_on() -> None:
    """How many are left out is said: a build that prints much holds nobody up."""
    text = "".join(f"{number}\n" for number in range(MOST_AT_ONCE + 5))
    found = Lines().feed(text)
    assert found[:2] == ["(5 lines are left out)", "5"]
    assert len(found) == MOST_AT_ONCE + 1


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    """Its last characters are."""
    lines = Lines()
    for _ in range(10):
        assert lines.feed("x" * 100_000) == []
    [line] = lines.feed("y\n")
    assert line.endswith("xy")
    assert len(line) < 500_000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("10%\r50%\r100%", "100%"),
        ("100%\r", "100%"),
        ("\x1b[31mred\x1b[0m \x07", "red "),
        ("https://a:b@h/", "https://***@h/"),
        ("x" * 5_000, "x" * 2_000),
    ],
)
def test_a_line_is_made_fit_to_be_shown(line: str, words: str) -> None:
    """What was written over is gone, and so are colours, passwords, and too much of it."""
    assert shown(line) == words
