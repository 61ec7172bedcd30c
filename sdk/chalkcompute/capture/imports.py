"""Which modules a piece of source may import: decided from its syntax alone."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterable, Iterator

__all__ = ["absolute", "imported_names"]

_BY_NAME = frozenset({"import_module", "__import__"})


def imported_names(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    """Yield the dotted names that `nodes` import, wherever in them: also inside functions.

    `package` is what relative imports start from, "" where there is none. After `a.b`
    comes `a.b.name` for `from a.b import name`, which may be a module or not.
    """
    for root in nodes:
        for node in ast.walk(root):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from _from(node, package)
            elif isinstance(node, ast.Call):
                yield from _by_name(node, package)


def _from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    base = absolute("." * node.level + (node.module or ""), package)
    if base:
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _by_name(node: ast.Call, package: str) -> Iterator[str]:
    """Take `importlib.import_module("a.b")` and `__import__("a.b")`."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    first = node.args[0] if node.args else None
    if name in _BY_NAME and isinstance(first, ast.Constant) and isinstance(first.value, str):
        found = absolute(first.value, package)
        if found:
            yield found


def absolute(name: str, package: str) -> str:
    """Resolve leading dots; "" when they lead out of the package."""
    if not name.startswith("."):
        return name
    try:
        return importlib.util.resolve_name(name, package)
    except ImportError:
        return ""
