"""Variables as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute.cli.dotenv import parse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("\n  \n# A=1\n  # B=2", {}),
        ("A=1\nB=2", {"A": "1", "B": "2"}),
        ("  export A = x y # z \r\nB=\r\n", {"A": "x y # z", "B": ""}),
        ("A='x \"y\" \\n'  # said\nB=2", {"A": 'x "y" \\n', "B": "2"}),
        (r'A="x\n\"y\"\\ \d"', {"A": 'x\n"y"\\ \\d'}),
        ("A=\"one\ntwo\"\nB='three\n\nfour'\n", {"A": "one\ntwo", "B": "three\n\nfour"}),
        ("A=x=y", {"A": "x=y"}),
        ("exportA=1", {"exportA": "1"}),
        ("A=it's", {"A": "it's"}),
        ("\ufeffA=1", {"A": "1"}),
    ],
)
def test_lines_say_variables(text: str, found: dict[str, str]) -> None:
    """Plain, in single quotes, in double quotes."""
    assert parse(text) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A=1\nhunter2\n", "line 2: expected NAME=VALUE"),
        ("\n\n2A=hunter2", "line 3: expected NAME=VALUE"),
        ("A=1\nB='x\ny'\nA=hunter2", "line 4: A is there twice"),
        ("A='hunter2", "line 1: the quote is not closed"),
        ('A="hunter2\\"', "line 1: the quote is not closed"),
        ("A='x' hunter2", "line 1: expected nothing behind the closing quote"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line(text: str, words: str) -> None:
    """And not shown."""
    with pytest.raises(ValueError, match=words) as problem:
        parse(text)
    assert "hunter2" not in str(problem.value)


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True), st.text()))
def test_any_value_can_be_written_in_double_quotes(values: dict[str, str]) -> None:
    """With a backslash before quotes and backslashes, and r for the end of a line that has one."""
    values = {name: value.replace("\r\n", "\n") for name, value in values.items()}

    def quoted(value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
        return f'"{escaped}"'

    text = "\n".join(f"{name}={quoted(value)}" for name, value in values.items())
    assert parse(text) == values
