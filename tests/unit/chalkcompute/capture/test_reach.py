"""Which names a statement reaches, by its syntax."""

from __future__ import annotations

import ast
import sys

import pytest

from chalkcompute.capture.reach import Reach, reach


def reached(source: str, *, postponed: bool = False) -> Reach:
    """Return what the one statement in `source` reaches."""
    (statement,) = ast.parse(source).body
    return reach(statement, postponed=postponed)


@pytest.mark.parametrize(
    ("source", "now", "later"),
    [
        ("x = a + b.c[d]", "a b d", ""),
        ("@deco(x)\ndef f(p, q=default, *, r=other, **s): return p + q + g(r, s)",
         "deco x default other", "g"),
        ("async def f():\n async with a as b:\n  async for c in d(b):\n   yield c", "", "a d"),
        ("class C(Base, metaclass=Meta, key=k):\n x = y\n def m(self): return z, x",
         "Base Meta k y", "z x"),
        ("class C:\n x = x\n y = x", "x", ""),
        ("class C:\n if a: x = 1\n y = x", "a x", ""),
        ("class C:\n def p(self): pass\n p = property(p)", "property", ""),
        ("def f():\n def g(): return x\n x = 1\n return g", "", ""),
        ("def f():\n global x\n x = 1\n def g(): return x\n return g", "", "x"),
        ("def f():\n x = 1\n def g():\n  nonlocal x\n  x += y\n return g", "", "y"),
        ("def f():\n global n\n n += 1", "", "n"),
        ("def f():\n del a[0], b\n b = 1", "", "a"),
        ("FOO += [bar]", "FOO bar", ""),
        ("x = [i + k for i in j if i > m for n in i]", "j k m", ""),
        ("x = {i: v for i, v in p.items()}", "p", ""),
        ("def f(): return sum(i for i in xs), i", "", "sum xs i"),
        ("def f(): return [y := g(i) for i in h], y", "", "g h"),
        ("x = lambda a, b=c: a + d", "c", "d"),
        ("def f():\n try: pass\n except E as e: return e, r\n finally: s()", "", "E r s"),
        ("def f():\n import a.b as c, d.e\n from x import y\n return c, d, y, a", "", "a"),
        ("def f(v):\n match v:\n  case P(q=1) | m.N: return 1\n  case [a, *b]: return a, b", "",
         "P m"),
        ("def f(v):\n match v:\n  case {'k': c, **d}: return c, d\n  case str() as e if e > g: 1",
         "", "str g"),
        ("x = f'{a!r:{b}}' + 'c'", "a b", ""),
        ("def f(): return 'eval(x)', \"y\"", "", ""),
        ("def f():\n x: T = v\n return x", "", "v"),
        ("def f(a: A, *b: B) -> C: pass", "A B C", ""),
    ],
)  # fmt: skip
def test_names_are_reached_when_the_statement_runs_or_later(
    source: str, now: str, later: str
) -> None:
    """Decorators, bases, defaults and values at once; bodies when they are called."""
    found = reached(source)
    assert set(found.now) == set(now.split())
    assert set(found.later) == set(later.split())


@pytest.mark.parametrize(
    ("source", "soft"),
    [
        ("def f(a: 'A', b: \"list['B']\") -> 'not python!': pass", "A list B"),
        ("def f(a: Literal['x'], b: Annotated['T', 'not a type']): pass", "T"),
        ("class C:\n x: 'T'\n def m(self) -> 'C': pass", "T C"),
        ("def f():\n x: Unknown = 1", "Unknown"),
        ("x: 'T' = 1", "T"),
    ],
)
def test_annotations_that_are_text_are_soft(source: str, soft: str) -> None:
    """Names that nobody evaluates may fail to resolve."""
    assert set(reached(source).soft) == set(soft.split())


def test_postponed_annotations_are_soft() -> None:
    """With `from __future__ import annotations` no annotation is evaluated."""
    found = reached("def f(a: A = d) -> B: pass", postponed=True)
    assert (set(found.now), set(found.soft)) == ({"d"}, {"A", "B"})


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is that of Python 3.12")
def test_type_parameters_are_local() -> None:
    """`def f[T: Bound](x: T)` and `type X = ...` reach what they name, not their own."""
    found = reached("def f[T: Bound](x: T) -> list[T]: return y")
    assert (set(found.now), set(found.later), set(found.soft)) == ({"list"}, {"y"}, {"Bound"})
    assert set(reached("type X[T] = dict[T, Y]").soft) == {"dict", "Y"}


def test_lines_are_those_of_the_first_use() -> None:
    """An error can say where a name is read."""
    assert reached("def f():\n pass\n return a, b\n").later == {"a": 3, "b": 3}


def test_dotted_reads_are_kept_whole() -> None:
    """`a.b.c()` of a global is ("a", "b", "c"); of a local it is nothing."""
    assert ("a", "b", "c") in reached("x = a.b.c()").chains
    assert reached("def f(a): return a.b").chains == set()


def test_an_await_outside_of_functions_is_noted() -> None:
    """Only a notebook can run it."""
    assert reached("x = await g()").waits
    assert reached("x = [i async for i in g()]").waits
    assert not reached("async def f(): return await g()").waits
