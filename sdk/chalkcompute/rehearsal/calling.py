"""Whether a statement of a script calls remote functions: what its syntax shows of that."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Iterator

from chalkcompute.capture.binding import Kind
from chalkcompute.capture.main import Main
from chalkcompute.capture.reach import Reach
from chalkcompute.capture.remote import Remote

__all__ = ["Calling", "Finding"]

#: What of a handle calls its function, or asks a server for it.
_CALLING = frozenset({"remote", "aio", "spawn", "defer", "map", "starmap", "wait_ready"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Finding(enum.Enum):
    """What a statement does with remote functions, as far as can be seen."""

    NOTHING = enum.auto()
    #: It calls one, itself or by functions that it calls.
    CALLS = enum.auto()
    #: It has a function at hand that reaches one, and may call that.
    MAY_CALL = enum.auto()
    #: It only hands one over.
    MENTIONS = enum.auto()


class Calling:
    """Looks at statements of the script `main`; `remote` follows its names."""

    def __init__(self, main: Main, remote: Remote) -> None:
        self._main = main
        self._remote = remote

    def find(self, node: ast.stmt, reached: Reach) -> Finding:
        """Return what a statement does that reaches `reached`."""
        if not self._remote.handle(reached):
            return Finding.NOTHING
        calls = list(_calls(node))
        roots = {root: 0 for each in calls if (root := _parts(each.func)[0])}
        called = self._definitions(Reach(now=roots))
        within = (call for each in called for call in _all_calls(each))
        if any(map(self._is_remote, (*calls, *within))):
            return Finding.CALLS
        if any(map(self._mentions, self._definitions(reached))):
            return Finding.MAY_CALL
        return Finding.MENTIONS

    def _definitions(self, reached: Reach) -> list[ast.stmt]:
        """Return the defs and classes that names lead to, however far away; no handles."""
        return [
            each.node
            for name in self._remote.names(reached)
            if not self._remote.leads_to_handle(name)
            for each in self._main.bindings(name)
            if each.kind is Kind.DEFINITION
        ]

    def _mentions(self, node: ast.stmt) -> bool:
        return any(
            isinstance(each, ast.Name | ast.Attribute)
            and self._remote.leads_to_handle(".".join(_parts(each)))
            for each in ast.walk(node)
        )

    def _is_remote(self, call: ast.Call) -> bool:
        parts = _parts(call.func)
        for length in range(1, len(parts) + 1):
            if self._remote.leads_to_handle(".".join(parts[:length])):
                # `f(1)`, `f.spawn(1)`, `f.options(...).spawn(1)`, `f.options(...)(1)`.
                rest = parts[length:]
                return not rest or rest[-1] in _CALLING or isinstance(call.func, ast.Call)
        return False


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that running a statement makes, those of its own functions left out."""
    if isinstance(node, ast.Call):
        yield node
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, _FUNCTIONS):
            yield from _calls(each)


def _all_calls(node: ast.AST) -> Iterable[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def _parts(node: ast.expr) -> list[str]:
    """Return the names in `a.b(...).c`, its calls left out; the first is "" where none is."""
    names: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call):
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        else:
            node = node.func
    names.append(node.id if isinstance(node, ast.Name) else "")
    return names[::-1]
