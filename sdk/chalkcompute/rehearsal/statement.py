"""Which statements of a script a rehearsal runs: decided from its syntax and its names."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import chalkcompute
from chalkcompute.capture.binding import Kind, bindings, is_guard, is_plain
from chalkcompute.capture.chain import Syntax, is_container
from chalkcompute.capture.handle import is_handle
from chalkcompute.capture.main import Main
from chalkcompute.capture.reach import Reach, reach
from chalkcompute.capture.remote import Remote
from chalkcompute.capture.text import Text
from chalkcompute.function import function
from chalkcompute.rehearsal.calling import Calling, Finding
from chalkcompute.rehearsal.missing import Missing

__all__ = ["Reader", "Verdict"]

_COMPOUND = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Match),
    *(ast.Try, ast.TryStar),
)
_ACTING = (ast.Expr, ast.Assert, ast.Raise)
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
_SCALARS = (type(None), bool, int, float, complex, str, bytes)
#: Items of a container that are looked at for handles.
_LOOKED_AT = 1_000


class Verdict(enum.Enum):
    """What becomes of a statement."""

    RUN = enum.auto()
    #: It changes nothing that a function could see, or needs what a call would tell.
    SKIP = enum.auto()
    #: It would call a remote function: the script deploys here.
    CALL = enum.auto()


class Reader:
    """Reads a script while it is rehearsed: `text` is its source, `namespace` its globals."""

    def __init__(self, text: Text, main: Main, namespace: Mapping[str, Any]) -> None:
        self._text = text
        self._namespace = namespace
        self._remote = Remote(main, Syntax(), lambda name: _is_data(namespace.get(name, main)))
        self._calling = Calling(main, self._remote)
        self._bindings = bindings(text)
        body = text.tree.body
        self._reached = [reach(node, postponed=text.postponed) for node in body]
        defining = [number for number, node in enumerate(body) if _defines(node)]
        self._last = defining[-1] if defining else -1

    def defines_after(self, number: int) -> bool:
        """Tell whether a statement after that one imports something, or has a def or class."""
        return number < self._last

    def verdict(self, number: int) -> Verdict:
        """Return what is to become of a statement, by its number in the script."""
        node = self._text.tree.body[number]
        reached = self._reached[number]
        guarded = isinstance(node, ast.If) and is_guard(node)
        compound = isinstance(node, _COMPOUND) and not is_plain(node)
        if guarded or compound or isinstance(node, _ACTING):
            found = self._calling.find(node, reached)
            if found is Finding.CALLS:
                return Verdict.CALL
            if guarded or found is Finding.MAY_CALL:
                return Verdict.SKIP
            useful = self._leaves_something(number) or self._decorates(reached)
            if not useful and not self.defines_after(number) and found is Finding.NOTHING:
                return Verdict.SKIP
        lacks = any(isinstance(self._namespace.get(name), Missing) for name in reached.now)
        return Verdict.SKIP if lacks else Verdict.RUN

    def _decorates(self, reached: Reach) -> bool:
        """Tell whether a statement may make a remote function in passing."""
        names = self._remote.names(reached)
        found = (self._namespace.get(name) for name in names)
        return any(each is function or each is chalkcompute for each in found)

    def _leaves_something(self, number: int) -> bool:
        """Tell whether a statement binds what others read, or changes a list, dict or set."""
        node = self._text.tree.body[number]
        first, last = node.lineno, node.end_lineno or node.lineno
        others = [*self._reached[:number], *self._reached[number + 1 :]]
        read = {name for each in others for name in each.hard}
        return any(
            each.kind is not Kind.EFFECT or is_container(self._namespace.get(each.name))
            for each in self._bindings
            if first <= each.node.lineno <= last and each.name in read
        )


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.If) and is_guard(node):
        return False
    return any(isinstance(each, _DEFINING) for each in _statements(node))


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield a statement and those in it; not what is inside defs."""
    waiting: list[ast.AST] = [node]
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, _DEFINING):
            waiting += ast.iter_child_nodes(each)


def _is_data(value: object) -> bool:
    """Tell what holds no handle, so that what it was made from need not be followed."""
    if isinstance(value, _SCALARS):
        return True
    if not isinstance(value, dict | list | tuple | set | frozenset):
        return False
    items = value.values() if isinstance(value, dict) else value
    return not any(map(is_handle, islice(items, _LOOKED_AT)))
