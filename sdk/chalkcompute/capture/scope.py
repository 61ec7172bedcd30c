"""Which names a block of code binds for itself."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Scope", "bound_names", "parameters"]

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Scope:
    """The names that one function, class, lambda or comprehension binds.

    `declared` are those that a `global` statement sends to the module instead. A class
    body binds as it goes: until then its reads mean the names outside.
    """

    bound: set[str]
    declared: set[str] = field(default_factory=set)
    is_class: bool = False

    @classmethod
    def of_function(cls, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Scope:
        """Return the scope of a function's body."""
        found = bound_names(node.body)
        inner = (found.bound | parameters(node.args)) - found.declared - found.outer
        return cls(inner, found.declared)

    @classmethod
    def of_class(cls, node: ast.ClassDef) -> Scope:
        """Return the scope of a class body that has not begun."""
        return cls(set(), bound_names(node.body).declared, is_class=True)

    def ran(self, statement: ast.stmt) -> None:
        """Take what `statement` of a class body has bound for certain."""
        if not isinstance(statement, _CONDITIONAL):
            self.bound |= bound_names([statement]).bound - self.declared


_CONDITIONAL = (ast.If, ast.Try, ast.TryStar, ast.For, ast.While, ast.With, ast.Match, ast.Delete)


def parameters(arguments: ast.arguments) -> set[str]:
    """Return the names of all parameters."""
    several = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    several += [each for each in (arguments.vararg, arguments.kwarg) if each]
    return {each.arg for each in several}


def bound_names(nodes: Iterable[ast.AST]) -> _Binder:
    """Return what `nodes` bind in the scope that they stand in."""
    binder = _Binder()
    for node in nodes:
        binder.visit(node)
    return binder


class _Binder(ast.NodeVisitor):
    """Collect bound names, without those of inner functions and classes."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.declared: set[str] = set()
        self.outer: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        """Take a name that is assigned or deleted."""
        if not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)

    def visit_Global(self, node: ast.Global) -> None:
        """Take names that belong to the module."""
        self.declared.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """Take names that belong to a function outside."""
        self.outer.update(node.names)

    def visit_alias(self, node: ast.alias) -> None:
        """Take what an import binds."""
        if node.name != "*":
            self.bound.add(node.asname or node.name.partition(".")[0])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Take the name; the body binds for itself."""
        self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Take the name; the body binds for itself."""
        self._definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Take the name; the body binds for itself."""
        self._definition(node)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.bound.add(node.name)
        for decorator in node.decorator_list:
            self.visit(decorator)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Leave a lambda alone: it binds for itself."""

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Take the name of the exception."""
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """Take the name that a pattern captures."""
        self._capture(node, node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """Take the name that a pattern captures."""
        self._capture(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Take the name that a pattern captures."""
        self._capture(node, node.rest)

    def _capture(self, node: ast.AST, name: str | None) -> None:
        if name:
            self.bound.add(name)
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        """Of a comprehension take only what `:=` binds outside it."""
        if isinstance(node, _COMPREHENSIONS):
            for each in ast.walk(node):
                if isinstance(each, ast.NamedExpr):
                    self.visit(each.target)
            return
        super().generic_visit(node)
