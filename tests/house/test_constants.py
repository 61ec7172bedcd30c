"""A number that two files must agree on has one home."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.house import source

PRODUCT = ("proto", "sdk", "services")


def test_no_constant_is_written_twice() -> None:
    """No two files of the product give one public name the same value."""
    homes: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path in source.files():
        if path.relative_to(source.ROOT).parts[0] in PRODUCT:
            for name, value, line in _constants(path):
                homes[name, value].append(source.place(path, line))
    assert len(homes) > len(PRODUCT)
    assert {name: places for (name, _), places in homes.items() if len(places) > 1} == {}


def _constants(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield name, value and line of each public constant of a module that is a plain number."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for each, number in pairs:
            if isinstance(each, ast.Name) and _is_public(each.id) and _is_number(number):
                yield each.id, ast.unparse(number), node.lineno


def _is_public(name: str) -> bool:
    """Tell the name of a constant that other files may read."""
    return name.isupper() and not name.startswith("_")


def _is_number(value: ast.expr) -> bool:
    """Tell a number, or a tuple of numbers, from all else."""
    if isinstance(value, ast.Tuple):
        return all(map(_is_number, value.elts))
    if isinstance(value, ast.BinOp):
        return _is_number(value.left) and _is_number(value.right)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float)
