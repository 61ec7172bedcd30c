"""A file has one noun and fits in 400 lines; a function fits in 40. No exceptions."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house import source

#: Lines, with comments and docstrings.
FILE = 400
FUNCTION = 40


def test_a_file_fits_in_four_hundred_lines() -> None:
    """No file that a person wrote is longer than FILE lines."""
    lengths = {path: len(path.read_text().splitlines()) for path in source.files()}
    assert [f"{source.place(path, n)}" for path, n in lengths.items() if n > FILE] == []


def test_a_function_fits_in_forty_lines() -> None:
    """From its def to its last line no function is longer than FUNCTION lines."""
    assert [long for path in source.files() for long in _long_functions(path)] == []


def _long_functions(path: Path) -> list[str]:
    """Return the functions in `path` that are too long, with their lengths."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION:
                found.append(f"{source.place(path, node.lineno)} {node.name}: {length} lines")
    return found
