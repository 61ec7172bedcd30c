"""Texts, and what is kept of them."""

from __future__ import annotations

import ast

from chalkcompute.capture.text import Span, Text


def text_of(source: str) -> Text:
    """Return a text named "t"."""
    return Text(source, "t", "t", "t.py")


def test_kept_statements_stay_on_their_lines() -> None:
    """Everything else is blank: line numbers are those of the original."""
    text = text_of('a = 1\n\n@d\ndef f():\n    """x\n\n   \n    """\n    return 1  # why\nb = 2\n')
    kept = text.keep([text.tree.body[1]])
    assert kept == '\n\n@d\ndef f():\n    """x\n\n   \n    """\n    return 1\n\n'


def test_statements_that_share_a_line_are_told_apart() -> None:
    """Columns count characters, also after letters of several bytes."""
    text = text_of("é = 'ü'; b = 2; print()")
    assert text.keep([text.tree.body[1]]).rstrip() == "         b = 2"
    assert text.span(text.tree.body[1]) == Span(1, 9, 1, 14)
    both = text.keep(text.tree.body[:2])
    assert both == "é = 'ü'  b = 2"


def test_a_statement_inside_a_kept_one_is_not_doubled() -> None:
    """A def inside a function that is shipped, too, is there already."""
    text = text_of("def f():\n    def g(): pass\n    return g\n")
    outer = text.tree.body[0]
    assert isinstance(outer, ast.FunctionDef)
    assert text.keep([outer.body[0], outer, outer]) == text.source


def test_foreign_ends_of_lines_are_read() -> None:
    """Lines are counted as Python counts them: a form feed ends none."""
    text = text_of("a = 1\r\nb = '\x0c'\rc = 3\n")
    assert [text.span(node).line for node in text.tree.body] == [1, 2, 3]
    assert text.keep([text.tree.body[2]]) == "\n\nc = 3\n"


def test_warnings_about_the_source_are_not_repeated() -> None:
    """The user has seen them; here they would be errors."""
    assert text_of("PATTERN = '\\d'").source == "PATTERN = '\\d'"


def test_future_imports_are_in_force() -> None:
    """Those of the text and those of the cells before it."""
    text = Text("from __future__ import annotations\n", "t", "t", "t", futures=frozenset({"x"}))
    assert text.futures == {"annotations", "x"}
    assert text.postponed
