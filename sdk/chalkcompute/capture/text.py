"""One text of source, as the interpreter read it: a script or a cell."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeGuard

__all__ = ["Definition", "Span", "Text", "first_line", "is_future", "parse"]

#: What makes a function.
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Where a statement stands; lines count from 1, columns count characters from 0."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, eq=False)
class Text:
    """A source text that parses.

    `filename` is what code compiled from it carries, `title` is what people call it,
    `label` names it in a bundle, `order` says when it ran. `futures` are the
    `__future__` imports that were in force, those of earlier cells included.
    """

    source: str
    filename: str
    title: str
    label: str
    order: tuple[int, int] = (0, 0)
    futures: frozenset[str] = frozenset()
    tree: ast.Module = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Parse; raises SyntaxError or ValueError when the source does not."""
        clean = self.source.replace("\r\n", "\n").replace("\r", "\n")
        object.__setattr__(self, "source", clean)
        object.__setattr__(self, "tree", parse(clean))
        object.__setattr__(self, "futures", self.futures | _futures(self.tree))

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines as the parser counts them, without their ends."""
        return self.source.split("\n")

    @cached_property
    def definitions(self) -> dict[tuple[str, int], Definition]:
        """Return every def, wherever it stands, by its name and first line."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, Definition)]
        return {(node.name, first_line(node)): node for node in found}

    @property
    def postponed(self) -> bool:
        """Tell whether annotations are kept as text."""
        return "annotations" in self.futures

    def place(self, line: int) -> str:
        """Return where a line is, as an error names it."""
        return f"{self.title}:{line}"

    def keep(self, nodes: Iterable[ast.stmt]) -> str:
        """Return the text with everything blank but `nodes`, each on its own lines."""
        kept = [""] * len(self.lines)
        last = (0, 0)
        for each in sorted(self.span(node) for node in nodes):
            if (each.end_line, each.end_column) <= last:
                continue  # It lies within one that is kept.
            last = (each.end_line, each.end_column)
            for number in range(each.line, each.end_line + 1):
                line, before = self.lines[number - 1], kept[number - 1]
                left = each.column if number == each.line else 0
                right = each.end_column if number == each.end_line else len(line)
                gap = _blank(line[len(before) : left])
                kept[number - 1] = before + gap + line[left:right]
        return "\n".join(kept)

    def span(self, node: ast.stmt) -> Span:
        """Return where `node` stands, its decorators included."""
        first, last = first_line(node), node.end_lineno or node.lineno
        start = self._characters(first, node.col_offset)
        return Span(first, start, last, self._characters(last, node.end_col_offset or 0))

    def _characters(self, line: int, column: int) -> int:
        """Turn a column in UTF-8 bytes, as the parser counts, into characters."""
        return len(self.lines[line - 1].encode()[:column].decode(errors="ignore"))


def parse(source: str) -> ast.Module:
    """Parse, without the warnings about the source that the user has seen already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def first_line(node: ast.stmt) -> int:
    """Return the line of the first decorator, or else of the statement itself."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])


def is_future(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    """Tell whether a statement imports from `__future__`."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _blank(line: str) -> str:
    """Keep the length and the tabs of an indentation, nothing else."""
    return "".join(each if each == "\t" else " " for each in line)


def _futures(tree: ast.Module) -> frozenset[str]:
    return frozenset(alias.name for node in tree.body if is_future(node) for alias in node.names)
