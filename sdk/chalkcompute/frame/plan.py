"""What a frame does with its rows, as its user wrote it. Pure.

    Source ── Filter | Project | Limit ── Filter | Project | Limit ── ...

Renaming, dropping and adding columns are projections. A plan never changes; how it runs is
decided in `route`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from chalkcompute.frame.node import CatalogCall, Column, Node, walk

if TYPE_CHECKING:
    from chalkcompute.frame.source import Source

__all__ = [
    "ERROR",
    "Filter",
    "Limit",
    "OnError",
    "Plan",
    "Project",
    "Step",
    "calls_in",
    "names_in",
    "passed",
    "replaced",
]

#: What becomes of a row whose call failed.
OnError: TypeAlias = Literal["raise", "null", "keep"]
#: What follows the name of a column in that of its errors, with "keep".
ERROR = "_error"


@dataclass(frozen=True, slots=True)
class Filter:
    """Keeps the rows for which it is true."""

    where: Node

    def names(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that come after it."""
        return tuple(before)


@dataclass(frozen=True, slots=True)
class Limit:
    """Keeps the first rows."""

    rows: int

    def names(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that come after it."""
        return tuple(before)


@dataclass(frozen=True, slots=True)
class Project:
    """Makes columns, and leaves out those that it does not name."""

    columns: Mapping[str, Node]
    on_error: OnError = "raise"

    def names(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that come after it: those of errors follow their columns."""
        return tuple(name for column in self.columns for name in self._with_error(column))

    def error_column(self, column: str) -> str | None:
        """Return the column for the errors of the calls in a column, None where it has none."""
        if self.on_error == "keep" and any(calls_in(self.columns[column])):
            return column + ERROR
        return None

    def _with_error(self, column: str) -> list[str]:
        error = self.error_column(column)
        return [column] if error is None else [column, error]


Step: TypeAlias = Filter | Project | Limit


@dataclass(frozen=True, slots=True)
class Plan:
    """A source, and what is done with its rows, in this order."""

    source: Source
    steps: tuple[Step, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the rows that come out."""
        names: tuple[str, ...] = tuple(self.source.schema.names)
        for step in self.steps:
            names = step.names(names)
        return names

    def then(self, *steps: Step) -> Plan:
        """Return the plan with more to do."""
        return Plan(self.source, (*self.steps, *steps))


def calls_in(node: Node) -> Iterator[CatalogCall]:
    """Return the calls in a node, those that others depend on first."""
    return (each for each in walk(node) if isinstance(each, CatalogCall))


def names_in(node: Node) -> list[str]:
    """Return the columns that a node names, as often as it does."""
    return [each.name for each in walk(node) if isinstance(each, Column)]


def replaced(node: Node, by: Mapping[str, Node]) -> Node:
    """Return a node with what `by` has in place of columns of its names."""
    if isinstance(node, Column):
        return by.get(node.name, node)
    return node.with_of(tuple(replaced(each, by) for each in node.of)) if node.of else node


def passed(names: Iterable[str]) -> dict[str, Node]:
    """Return columns that stay what they are."""
    return {name: Column(name) for name in names}
