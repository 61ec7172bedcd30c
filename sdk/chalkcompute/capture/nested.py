"""Functions that no name of their module leads to: defined in a function, or shadowed.

Their def is shipped alone and made again in the module's namespace, with snapshots of
what it closes over and of its defaults.
"""

from __future__ import annotations

import ast
import copy
import types
from dataclasses import dataclass

from chalkcompute.capture.handle import is_handle
from chalkcompute.capture.main import Main
from chalkcompute.capture.reach import Reach, reach
from chalkcompute.capture.scope import Scope
from chalkcompute.capture.snapshot import snapshot
from chalkcompute.capture.text import Definition, Text
from fnq_wire.error import DeployError

__all__ = ["Inner", "remade"]


@dataclass(frozen=True, slots=True)
class Inner:
    """A def that is made again by itself, the values that it needs, and its globals."""

    node: Definition
    text: Text
    decorated: bool
    cells: dict[str, bytes]
    defaults: dict[str, bytes]
    reach: Reach


def remade(main: Main, function: types.FunctionType) -> Inner:
    """Return how to make `function` again.

    Raises DeployError when it closes over what cannot travel, or has no source.
    """
    code = function.__code__
    node, text = main.require(function)
    place = text.place(node.lineno)
    closed = _cells(function)
    cells = {name: each for name, each in closed.items() if not _is_itself(function, name, each)}
    outside = _names_around(text.tree, node) - set(code.co_freevars)
    decorated = not set(reach(_decorators(node)).now) & outside
    if not decorated and len(cells) < len(closed):
        raise DeployError(
            f"{place}: {function.__qualname__!r} calls itself, and its decorator uses names of the "
            f"function around it. Move it to the top level of the module"
        )
    own = {node.name} if "<locals>" in function.__qualname__ else set()
    reached = _globals(node, decorated, set(code.co_freevars) | outside | own)
    return Inner(
        node=node,
        text=text,
        decorated=decorated,
        cells={name: _cell(name, cell, place) for name, cell in cells.items()},
        defaults=_defaults(function, node, place),
        reach=reached,
    )


def _is_itself(function: types.FunctionType, name: str, cell: types.CellType) -> bool:
    """Tell whether the cell is the one through which the function calls itself."""
    try:
        value = cell.cell_contents
    except ValueError:
        return False
    body = getattr(value, "body", None) if is_handle(value) else value
    return name == function.__name__ and body is function


def _cells(function: types.FunctionType) -> dict[str, types.CellType]:
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))


def _cell(name: str, cell: types.CellType, place: str) -> bytes:
    try:
        value = cell.cell_contents
    except ValueError:
        raise DeployError(f"{place}: the function closes over {name!r}, which is unset") from None
    data = snapshot(name, value)
    if data is None:
        raise DeployError(
            f"{place}: the function closes over {name!r}, of type {type(value).__qualname__}, "
            f"which cannot travel as a value. Pass it as an argument, or define both at the top "
            f"level of the module"
        )
    return data


def _defaults(function: types.FunctionType, node: Definition, place: str) -> dict[str, bytes]:
    """Return the defaults that are not written as constants, by parameter."""
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    given = function.__defaults__ or ()
    values = dict(zip(names[len(names) - len(given) :], given, strict=True))
    last = names[len(names) - len(node.args.defaults) :]
    written = dict(zip(last, node.args.defaults, strict=True))
    values |= function.__kwdefaults__ or {}
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    written |= {each.arg: default for each, default in pairs if default is not None}
    found: dict[str, bytes] = {}
    for name, value in values.items():
        if isinstance(written.get(name), ast.Constant):
            continue
        data = snapshot(name, value)
        if data is None:
            raise DeployError(
                f"{place}: the default of {name!r} is of type {type(value).__qualname__}, which "
                f"cannot travel as a value. Move the function to the top level of the module"
            )
        found[name] = data
    return found


def _globals(node: Definition, decorated: bool, apart: set[str]) -> Reach:
    """Return the module's names that the def reaches when it is made again."""
    bare = copy.copy(node)
    bare.args = copy.copy(node.args)
    bare.args.defaults = []
    bare.args.kw_defaults = [None] * len(node.args.kw_defaults)
    bare.decorator_list = node.decorator_list if decorated else []
    found = reach(bare, postponed=True)
    for names in (found.now, found.later, found.soft):
        for name in apart & set(names):
            del names[name]
    return found


def _decorators(node: Definition) -> ast.Tuple:
    return ast.Tuple(elts=node.decorator_list, ctx=ast.Load())


def _names_around(tree: ast.Module, node: ast.AST) -> set[str]:
    """Return what the functions around `node` bind."""
    found: set[str] = set()
    for each in ast.walk(tree):
        if not isinstance(each, Definition) or each is node:
            continue
        if any(below is node for below in ast.walk(each)):
            found |= Scope.of_function(each).bound
    return found
