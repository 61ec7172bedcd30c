"""Which statements of a text bind which names of its module: syntax alone."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalkcompute.capture.scope import bound_names
from chalkcompute.capture.text import Text

__all__ = ["Binding", "Kind", "bindings", "is_guard", "is_plain", "may_miss"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_IMPORTS = (ast.Import, ast.ImportFrom)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_TRIES = (ast.Try, ast.TryStar)
#: Methods that change a list, set, dict or deque.
_CHANGING = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    ]
)


class Kind(enum.Enum):
    """How a statement binds a name."""

    DEFINITION = enum.auto()
    IMPORT = enum.auto()
    STAR = enum.auto()
    ASSIGNMENT = enum.auto()
    #: `x[...] = `, `x.y = `, `x += `: what was bound is changed.
    CHANGE = enum.auto()
    #: `x.append(...)` as a statement of its own, or a CHANGE in a loop: never shipped.
    EFFECT = enum.auto()
    DELETION = enum.auto()
    #: A loop, `with`, `match`, or `:=`: cannot be run again by itself.
    OTHER = enum.auto()


@dataclass(frozen=True, eq=False, slots=True)
class Binding:
    """One statement that binds `name` in the module.

    `block` is the outermost `if` or `try` around it that may be shipped whole: it holds
    only imports, assignments and defs. `guarded`: below `if __name__`.
    """

    name: str
    kind: Kind
    node: ast.stmt
    text: Text
    block: ast.stmt | None = None
    guarded: bool = False

    @property
    def unit(self) -> ast.stmt:
        """Return the statement that is shipped for it."""
        return self.block or self.node

    def runs_before(self, other: Binding) -> bool:
        """Tell whether it ran before another one."""
        one, two = (self.text.order, self.node.lineno), (other.text.order, other.node.lineno)
        return one < two

    @property
    def place(self) -> str:
        """Return file and line of the statement."""
        return self.text.place(self.node.lineno)


def bindings(text: Text) -> list[Binding]:
    """Return every binding in `text`, in the order of the lines."""
    return list(_Scan(text).block(text.tree.body))


def may_miss(block: ast.stmt, name: str) -> bool:
    """Tell whether an `if` or `try` can end without having bound `name`."""
    if isinstance(block, ast.If):
        return _misses(block.body, name) or _misses(block.orelse, name)
    if isinstance(block, _TRIES):
        if not _misses(block.finalbody, name):
            return False
        handled = any(_misses(each.body, name) for each in block.handlers)
        return handled or _misses([*block.body, *block.orelse], name)
    return False


def _misses(body: list[ast.stmt], name: str) -> bool:
    return not any(name in bound_names([each]).bound and not may_miss(each, name) for each in body)


class _Scan:
    """Walk the statements of a module, not those of its functions and classes."""

    def __init__(self, text: Text) -> None:
        self._text = text

    def block(
        self,
        body: Iterable[ast.stmt],
        block: ast.stmt | None = None,
        guarded: bool = False,
        loose: bool = False,
    ) -> Iterator[Binding]:
        """Yield what `body` binds; `loose`: inside a loop, a `with` or a `match`."""
        for node in body:
            for name, kind in _own(node, loose):
                yield Binding(name, kind, node, self._text, block, guarded)
            if isinstance(node, ast.If):
                guard = guarded or is_guard(node)
                whole = is_plain(node) and not guard and not self._is_elif(node)
                inner = block or (node if whole else None)
                for name in _walruses([node.test]):
                    kind = Kind.ASSIGNMENT if inner else Kind.OTHER
                    yield Binding(name, kind, node, self._text, inner, guarded)
                yield from self.block([*node.body, *node.orelse], inner, guard, loose)
            elif isinstance(node, _TRIES):
                inner = block or (node if is_plain(node) and not guarded else None)
                yield from self.block(_bodies(node), inner, guarded, loose)
            else:
                yield from self.block(_bodies(node), None, guarded, True)

    def _is_elif(self, node: ast.If) -> bool:
        """Tell whether `node` is the rest of another `if`, and cannot stand alone."""
        line = self._text.lines[node.lineno - 1].encode()
        return line[node.col_offset :].startswith(b"elif")


def _own(node: ast.stmt, loose: bool) -> Iterator[tuple[str, Kind]]:
    """Yield what the statement binds by itself, not by the statements in it."""
    if isinstance(node, _DEFINITIONS):
        yield node.name, Kind.DEFINITION
    elif isinstance(node, _IMPORTS):
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            yield name, Kind.STAR if alias.name == "*" else Kind.IMPORT
    elif isinstance(node, ast.Delete):
        for target in node.targets:
            root = _root(target)
            if root:
                yield root, Kind.DELETION if isinstance(target, ast.Name) else Kind.EFFECT
    elif isinstance(node, ast.Expr):
        yield from _effects(node.value)
    elif isinstance(node, _ASSIGNMENTS):
        for name, kind in _assigned(node):
            yield name, _loosened(node, name, kind) if loose else kind
    elif type(node).__name__ == "TypeAlias":
        yield getattr(node, "name").id, Kind.ASSIGNMENT  # noqa: B009 - unknown before 3.12
    elif not isinstance(node, ast.If | ast.Try | ast.TryStar):
        yield from ((name, Kind.OTHER) for name in _headed(node))


def _assigned(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> Iterator[tuple[str, Kind]]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return
    for target in _flat(targets):
        root = _root(target)
        if root:
            plain = isinstance(target, ast.Name) and not isinstance(node, ast.AugAssign)
            yield root, Kind.ASSIGNMENT if plain else Kind.CHANGE
    for name in _walruses([node.value] if node.value else []):
        yield name, Kind.ASSIGNMENT


def _loosened(node: ast.stmt, name: str, kind: Kind) -> Kind:
    """Return what a binding is worth inside a loop, a `with` or a `match`."""
    binds = kind is Kind.ASSIGNMENT or name in bound_names([node]).bound
    return Kind.OTHER if binds else Kind.EFFECT


def _effects(value: ast.expr) -> Iterator[tuple[str, Kind]]:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        root = _root(value.func)
        if root and value.func.attr in _CHANGING:
            yield root, Kind.EFFECT
    for name in _walruses([value]):
        yield name, Kind.OTHER


def _headed(node: ast.stmt) -> Iterator[str]:
    """Yield what a compound statement binds before its body: targets, patterns, `:=`."""
    apart = (ast.stmt, ast.match_case, ast.ExceptHandler)
    heads = [each for each in ast.iter_child_nodes(node) if not isinstance(each, apart)]
    for case in getattr(node, "cases", []):
        heads += filter(None, (case.pattern, case.guard))
    yield from sorted(bound_names(heads).bound)


def _bodies(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements directly inside a compound one, functions and classes apart."""
    if isinstance(node, _DEFINITIONS):
        return []
    found: list[ast.stmt] = [*getattr(node, "body", [])]
    for each in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
        found += each.body
    return [*found, *getattr(node, "orelse", []), *getattr(node, "finalbody", [])]


def is_guard(node: ast.If) -> bool:
    """Tell whether an `if` asks how its module is run."""
    return any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(node.test))


def is_plain(node: ast.stmt) -> bool:
    """Tell whether an `if` or `try` holds only imports, assignments and defs."""
    if isinstance(node, ast.If) and is_guard(node):
        return False
    if isinstance(node, ast.If | ast.Try | ast.TryStar):
        return all(is_plain(each) for each in _bodies(node))
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    simple = (*_DEFINITIONS, *_IMPORTS, *_ASSIGNMENTS, ast.Pass)
    return isinstance(node, simple) or type(node).__name__ == "TypeAlias"


def _flat(targets: Iterable[ast.expr]) -> Iterator[ast.expr]:
    for target in targets:
        if isinstance(target, ast.Tuple | ast.List):
            yield from _flat(target.elts)
        else:
            yield target.value if isinstance(target, ast.Starred) else target


def _root(node: ast.expr) -> str:
    """Return the name at the root of `a.b[c].d`; "" when there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _walruses(nodes: Iterable[ast.AST]) -> list[str]:
    """Return what `:=` binds in `nodes`, inner functions apart."""
    found: set[str] = set()
    for node in nodes:
        inner = [each for each in ast.walk(node) if isinstance(each, ast.Lambda)]
        hidden = {id(each) for one in inner for each in ast.walk(one.body)}
        found |= {
            each.target.id
            for each in ast.walk(node)
            if isinstance(each, ast.NamedExpr) and id(each) not in hidden
        }
    return sorted(found)
