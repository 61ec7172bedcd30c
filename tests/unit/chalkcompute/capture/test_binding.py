"""Which statements bind which names."""

from __future__ import annotations

import ast

import pytest

from chalkcompute.capture.binding import Kind, bindings, may_miss
from chalkcompute.capture.text import Text


def bound(source: str) -> list[str]:
    """Return name and kind of each binding, "!" where it comes with its block."""
    found = bindings(Text(source, "t", "t", "t.py"))
    return [f"{each.name} {each.kind.name}{'!' if each.block else ''}" for each in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = b = 1", ["a ASSIGNMENT", "b ASSIGNMENT"]),
        ("a, (b, *c[0]) = x", ["a ASSIGNMENT", "b ASSIGNMENT", "c CHANGE"]),
        ("a: int", []),
        ("a: int = 1", ["a ASSIGNMENT"]),
        ("a += 1", ["a CHANGE"]),
        ("a.b[0].c = 1", ["a CHANGE"]),
        ("f().x = 1", []),
        ("a = (b := 1)", ["a ASSIGNMENT", "b ASSIGNMENT"]),
        ("x.append(1)", ["x EFFECT"]),
        ("x.get(1)", []),
        ("x.y.update(1)", ["x EFFECT"]),
        ("del a, b[0]", ["a DELETION", "b EFFECT"]),
        ("import a.b, c as d", ["a IMPORT", "d IMPORT"]),
        ("from a import b as c, d", ["c IMPORT", "d IMPORT"]),
        ("from a import *", ["* STAR"]),
        ("def f(): x = 1", ["f DEFINITION"]),
        ("class C: x = 1", ["C DEFINITION"]),
        ("for i, j in x:\n a = 1\n b[0] = 1\n c += 1\n def d(): pass",
         ["i OTHER", "j OTHER", "a OTHER", "b EFFECT", "c OTHER", "d DEFINITION"]),
        ("with a as b, c() as (d, e): import f", ["b OTHER", "d OTHER", "e OTHER", "f IMPORT"]),
        ("match x:\n case [a, *b] if (c := a): d = 1",
         ["a OTHER", "b OTHER", "c OTHER", "d OTHER"]),
        ("while (a := f()): pass", ["a OTHER"]),
        ("print(a := 1)", ["a OTHER"]),
        ("x = lambda: (a := 1)", ["x ASSIGNMENT"]),
        ("try: import a\nexcept E as e: a = None", ["a IMPORT!", "a ASSIGNMENT!"]),
        ("try: import a\nexcept E: print()", ["a IMPORT"]),
        ("if x:\n 'doc'\n a = 1\nelse:\n if y: b = 1", ["a ASSIGNMENT!", "b ASSIGNMENT!"]),
        ("if x:\n f()\n if y: a = 1", ["a ASSIGNMENT!"]),
        ("if x: f()\nelif y: a = 1", ["a ASSIGNMENT"]),
        ("if __name__ == 'x': a = 1", ["a ASSIGNMENT"]),
    ],
)  # fmt: skip
def test_statements_bind_names(source: str, expected: list[str]) -> None:
    """Each form of binding, with the block that may be shipped whole."""
    assert bound(source) == expected


def test_the_outermost_plain_block_is_shipped() -> None:
    """An import in two blocks comes with both."""
    text = Text("if x:\n try: import a\n except E: pass\n", "t", "t", "t.py")
    (found,) = bindings(text)
    assert found.unit is text.tree.body[0]


def test_what_stands_below_the_guard_is_marked() -> None:
    """Also in its else branch, and in blocks within."""
    source = "if __name__ == '__main__':\n if x: a = 1\nelse: b = 1\nc = 1"
    found = bindings(Text(source, "t", "t", "t.py"))
    assert {each.name: each.guarded for each in found} == {"a": True, "b": True, "c": False}
    assert [each.kind for each in found] == [Kind.ASSIGNMENT] * 3


@pytest.mark.parametrize(
    ("source", "misses"),
    [
        ("if x: a = 1", True),
        ("if x: a = 1\nelse: a = 2", False),
        ("if x: a = 1\nelif y: a = 2", True),
        ("if x: a = 1\nelif y: a = 2\nelse: import a", False),
        ("try: import a\nexcept E: a = 1", False),
        ("try: import a\nexcept E: b = 1", True),
        ("try: b = 1\nexcept E: a = 1\nelse: a = 1", False),
        ("try: b = 1\nfinally: a = 1", False),
    ],
)
def test_a_block_may_end_without_binding(source: str, misses: bool) -> None:
    """A name keeps its older value where a branch does not bind it."""
    assert may_miss(ast.parse(source).body[0], "a") is misses
