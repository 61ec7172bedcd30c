"""Which of the statements that bind a name must run for it to have its value."""

from __future__ import annotations

import ast
import sys
import types

from chalkcompute.capture.binding import Binding, Kind, may_miss
from chalkcompute.capture.handle import function_of, is_handle
from chalkcompute.capture.imports import absolute
from chalkcompute.capture.main import Main
from chalkcompute.capture.reach import Reach, reach

__all__ = ["Syntax", "chain", "decided_by_worker", "effects", "is_container"]

#: An optional import leaves one of these behind; a snapshot would say what the caller has.
_PLAIN = (types.NoneType, bool, int, float, str, bytes)
_IMPORTS = (ast.Import, ast.ImportFrom)
#: Not the value of any attribute.
_ABSENT = object()


class Syntax:
    """What statements reach, computed once for each."""

    def __init__(self) -> None:
        self._known: dict[int, Reach] = {}

    def reach(self, node: ast.stmt, binding: Binding) -> Reach:
        """Return what `node`, which stands in the text of `binding`, reaches."""
        if id(node) not in self._known:
            self._known[id(node)] = reach(node, postponed=binding.text.postponed)
        return self._known[id(node)]


def chain(main: Main, name: str, value: object, syntax: Syntax) -> list[Binding]:
    """Return the statements that gave `name` its present value, in their order.

    The last one that binds it afresh, and those after it that change what it bound.
    """
    found = _relevant(main.bindings(name), value)
    if found and found[-1].kind is Kind.DEFINITION:
        found = _until_live(main, found, value)
    elif found and found[-1].kind is Kind.IMPORT and found[-1].block is None:
        found = _until_imported(main, found, value)
    needed: list[Binding] = []
    for each in reversed(found):
        needed.append(each)
        if _is_fresh(each, syntax):
            break
    return needed[::-1]


def decided_by_worker(main: Main, name: str, value: object) -> bool:
    """Tell whether the worker's own packages decide what `name` is.

    So for what a `try` around an import binds by importing or to a constant: `torch = None`
    where the caller lacks what the worker's image has.
    """
    found = _relevant(main.bindings(name), value)
    if type(value) not in _PLAIN or not found or name in main.rebound:
        return False
    block = found[-1].block
    if not isinstance(block, ast.Try) or not any(isinstance(n, _IMPORTS) for n in ast.walk(block)):
        return False
    return all(_is_constant(each.node) for each in found if each.block is block)


def _is_constant(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    return isinstance(node, _IMPORTS) or (
        isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(value, ast.Constant)
    )


def effects(main: Main, name: str, value: object, first: Binding) -> Binding | None:
    """Return a statement after `first` that changed the value and is never shipped."""
    if isinstance(value, types.ModuleType | types.FunctionType | type) or is_handle(value):
        return None
    found = main.bindings(name)
    for each in found[found.index(first) :]:
        by_method = isinstance(each.node, ast.Expr)
        if each.kind is Kind.EFFECT and (not by_method or is_container(value)):
            return each
    return None


def _relevant(found: list[Binding], value: object) -> list[Binding]:
    """Leave out what neither binds the name nor changes a value of its own."""
    apart = {Kind.EFFECT, Kind.STAR}
    if isinstance(value, types.ModuleType) or is_handle(value):
        apart.add(Kind.CHANGE)
    found = [each for each in found if each.kind not in apart]
    deleted = [number for number, each in enumerate(found) if each.kind is Kind.DELETION]
    after = found[deleted[-1] + 1 :] if deleted else found
    return after or [each for each in found if each.kind is not Kind.DELETION]


def _until_live(main: Main, found: list[Binding], value: object) -> list[Binding]:
    """Leave out definitions after the one that made the function there is."""
    function = function_of(value)
    live = main.definition(function.__code__) if function is not None else None
    return found[: found.index(live) + 1] if live in found else found


def _until_imported(main: Main, found: list[Binding], value: object) -> list[Binding]:
    """Leave out imports after the one that brought the value there is."""
    for number in range(len(found), 0, -1):
        if _brings(found[number - 1], main.package, value):
            return found[:number]
    return found


def _brings(binding: Binding, package: str, value: object) -> bool:
    node, name = binding.node, binding.name
    if isinstance(node, ast.Import):
        names = {alias.asname or alias.name.partition(".")[0]: alias for alias in node.names}
        alias = names.get(name)
        target = alias.name if alias and alias.asname else name
        return sys.modules.get(target) is value
    if isinstance(node, ast.ImportFrom):
        base = absolute("." * node.level + (node.module or ""), package)
        names = {alias.asname or alias.name: alias for alias in node.names}
        inner = names[name].name if name in names else name
        module = sys.modules.get(base)
        return module is not None and getattr(module, inner, _ABSENT) is value
    return False


def _is_fresh(binding: Binding, syntax: Syntax) -> bool:
    """Tell whether the statement gives the name its value whatever it was before."""
    node = binding.node
    if binding.kind in (Kind.CHANGE, Kind.OTHER):
        return False
    if isinstance(node, ast.Import) and any(
        alias.name.startswith(f"{binding.name}.") and not alias.asname for alias in node.names
    ):
        return False
    if binding.block is not None and may_miss(binding.block, binding.name):
        return False
    return binding.name not in syntax.reach(binding.unit, binding).now


def is_container(value: object) -> bool:
    """Tell whether `value` is a dict, list, set or deque, or acts like one."""
    from collections import deque
    from collections.abc import MutableMapping, MutableSequence, MutableSet

    return isinstance(value, MutableMapping | MutableSequence | MutableSet | deque)
