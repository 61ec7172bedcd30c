"""Which global names a statement reaches: decided from its syntax alone.

A name counts as global when no function, comprehension or lambda around it binds it.
Where Python itself decides at run time (a class body that reads a name which it binds
in one branch), the name counts: one name too many is shipped, never one too few.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from chalkcompute.capture.scope import Scope, bound_names, parameters

__all__ = ["Reach", "reach"]

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Reach:
    """The global names that a statement reads, each with the line of its first use.

    `now`: when the statement runs; `later`: when what it defines is called; `soft`:
    only in annotations that are text, which may fail to resolve. `chains` are dotted
    reads: `a.b.c` is ("a", "b", "c"). `waits`: it awaits outside any function.
    """

    now: dict[str, int] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    soft: dict[str, int] = field(default_factory=dict)
    chains: set[tuple[str, ...]] = field(default_factory=set)
    waits: bool = False

    @property
    def hard(self) -> dict[str, int]:
        """Return the names without which the statement does not work."""
        return self.later | self.now


def reach(node: ast.AST, *, postponed: bool = False) -> Reach:
    """Return what `node` reaches; `postponed`: annotations are text (`__future__`)."""
    reader = _Reader(postponed)
    reader.visit(node)
    return reader.found


class _Reader(ast.NodeVisitor):
    """Walk a statement with the scopes that surround each name."""

    def __init__(self, postponed: bool) -> None:
        self.found = Reach()
        self._postponed = postponed
        self._scopes: list[Scope] = []
        self._deferred = 0
        self._soft = False

    def _read(self, name: str, line: int) -> None:
        for depth, scope in enumerate(reversed(self._scopes)):
            if name in scope.declared:
                break
            # A class body sees its own names, or else the global; its functions do not.
            if name in scope.bound and (depth == 0 or not scope.is_class):
                return
        if self._soft:
            self.found.soft.setdefault(name, line)
        elif self._deferred:
            self.found.later.setdefault(name, line)
        else:
            self.found.now.setdefault(name, line)

    def visit_Name(self, node: ast.Name) -> None:
        """Take a name that is read or deleted; binding one reaches nothing."""
        if not isinstance(node.ctx, ast.Store):
            self._read(node.id, node.lineno)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """Take the target too: `x += 1` reads x."""
        if isinstance(node.target, ast.Name):
            self._read(node.target.id, node.lineno)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Remember a dotted read, whole."""
        parts: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and not any(inner.id in s.bound for s in self._scopes):
            self.found.chains.add((inner.id, *reversed(parts)))
        self.generic_visit(node)

    def visit_Await(self, node: ast.Await) -> None:
        """Note an await that only a notebook's top level allows."""
        self.found.waits |= not self._deferred
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Take what defining reads now, and the body later."""
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Take an async function as any other."""
        self._function(node)

    def _function(self, node: _FUNCTIONS) -> None:
        self._visit_all(node.decorator_list)
        self._defaults(node.args)
        with_types = self._enter_type_parameters(node)
        for argument in _arguments(node.args):
            self._annotation(argument.annotation)
        self._annotation(node.returns)
        self._scopes.append(Scope.of_function(node))
        self._deferred += 1
        self._visit_all(node.body)
        self._deferred -= 1
        self._leave(1 + with_types)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Take the defaults now, and the body later."""
        self._defaults(node.args)
        self._scopes.append(Scope(parameters(node.args) | bound_names([node.body]).bound))
        self._deferred += 1
        self.visit(node.body)
        self._deferred -= 1
        self._leave(1)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Take bases, keywords and the body now."""
        self._visit_all(node.decorator_list)
        with_types = self._enter_type_parameters(node)
        self._visit_all([*node.bases, *node.keywords])
        scope = Scope.of_class(node)
        self._scopes.append(scope)
        for statement in node.body:
            self.visit(statement)
            scope.ran(statement)
        self._leave(1 + with_types)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Take the annotation as what it is: inside a function nobody evaluates it."""
        if node.value is not None:
            self.visit(node.value)
        self.visit(node.target)
        inside = bool(self._scopes) and not self._scopes[-1].is_class
        self._annotation(node.annotation, evaluated=not inside)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """Take the value of a `type` statement, which is evaluated on demand."""
        with_types = self._enter_type_parameters(node)
        self._annotation(getattr(node, "value", None), evaluated=False)
        self._leave(with_types)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Take a comprehension in its own scope."""
        self._comprehension(node.generators, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """Take a comprehension in its own scope."""
        self._comprehension(node.generators, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Take a generator expression in its own scope."""
        self._comprehension(node.generators, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Take a comprehension in its own scope."""
        self._comprehension(node.generators, [node.key, node.value])

    def _comprehension(self, generators: list[ast.comprehension], parts: list[ast.expr]) -> None:
        self.visit(generators[0].iter)
        bound = bound_names([each.target for each in generators]).bound
        self._scopes.append(Scope(bound))
        for number, each in enumerate(generators):
            self.found.waits |= bool(each.is_async) and not self._deferred
            if number:
                self.visit(each.iter)
            self.visit(each.target)
            self._visit_all(each.ifs)
        self._visit_all(parts)
        self._leave(1)

    def _annotation(self, node: ast.expr | None, *, evaluated: bool = True) -> None:
        if node is None:
            return
        soft = self._soft
        self._soft = soft or self._postponed or not evaluated
        self.visit(node)
        self._soft = True
        for each in _texts(node):
            self._text(str(each.value), each.lineno)
        self._soft = soft

    def _text(self, text: str, line: int) -> None:
        try:
            inner = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return
        for node in ast.walk(inner):
            if isinstance(node, ast.Name):
                self._read(node.id, line)
        for each in _texts(inner):
            self._text(str(each.value), line)

    def _enter_type_parameters(self, node: ast.AST) -> int:
        """Open a scope for `[T]`; return how many scopes were opened."""
        declared = getattr(node, "type_params", [])
        if declared:
            self._scopes.append(Scope({each.name for each in declared}))
            for each in declared:
                self._annotation(getattr(each, "bound", None), evaluated=False)
                self._annotation(getattr(each, "default_value", None), evaluated=False)
        return int(bool(declared))

    def _defaults(self, arguments: ast.arguments) -> None:
        self._visit_all([*arguments.defaults, *filter(None, arguments.kw_defaults)])

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _leave(self, count: int) -> None:
        del self._scopes[len(self._scopes) - count :]


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    several = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return several + [each for each in (arguments.vararg, arguments.kwarg) if each]


def _texts(node: ast.AST) -> list[ast.Constant]:
    """Return the strings in an annotation that stand for types."""
    if isinstance(node, ast.Constant):
        return [node] if isinstance(node.value, str) else []
    if isinstance(node, ast.Subscript):
        name = getattr(node.value, "attr", getattr(node.value, "id", ""))
        if name == "Literal":
            return []
        if name == "Annotated" and isinstance(node.slice, ast.Tuple):
            return _texts(node.slice.elts[0])
    return [text for child in ast.iter_child_nodes(node) for text in _texts(child)]
