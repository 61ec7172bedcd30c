"""Calls taken out of expressions: arguments before them, what is made of results after. Pure.

A projection with calls becomes one that makes the arguments, the calls, each of which appends
a column, and a projection without calls. Calls in arguments of calls come first. What is
written twice in one projection, a call or an argument, is made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from chalkcompute.frame.expression import text
from chalkcompute.frame.node import Apply, Cast, CatalogCall, Column, Node, walk
from chalkcompute.frame.plan import ERROR, Filter, OnError, Project, Step, calls_in, passed

__all__ = ["Call", "Part", "extracted"]


@dataclass(frozen=True, slots=True)
class Call:
    """Appends what a function makes of each row; the arguments of `node` are columns."""

    node: CatalogCall
    column: str
    on_error: OnError
    #: Appended too, with "keep".
    error_column: str
    #: The type that results are wanted as, "" where nothing is said.
    returns: str = ""

    def names(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that come after it."""
        return (*before, *self.made)

    @property
    def made(self) -> list[str]:
        """The columns that it appends."""
        return [self.column, self.error_column] if self.on_error == "keep" else [self.column]

    @property
    def needed(self) -> list[str]:
        """The columns of its arguments."""
        return [each.name for each in self.node.of if isinstance(each, Column)]


Part: TypeAlias = Step | Call


def extracted(steps: Iterable[Step], names: Sequence[str]) -> Iterator[Part]:
    """Return steps on a frame of columns `names` in which calls stand by themselves."""
    for step in steps:
        if isinstance(step, Filter) and any(calls_in(step.where)):
            extraction = _Extraction(names, "raise")
            [where] = extraction.without_calls([step.where])
            yield from (*extraction.parts, Filter(where), Project(passed(names)))
        elif isinstance(step, Project) and any(map(any, map(calls_in, step.columns.values()))):
            yield from _projected(step, names)
        else:
            yield step
        names = step.names(names)


def _projected(step: Project, names: Sequence[str]) -> Iterator[Part]:
    """Return the parts of a projection with calls."""
    extraction = _Extraction(names, step.on_error)
    nodes = extraction.without_calls(list(step.columns.values()))
    columns: dict[str, Node] = {}
    for (name, original), node in zip(step.columns.items(), nodes, strict=True):
        columns[name] = node
        error = step.error_column(name)
        if error is not None:
            columns[error] = extraction.errors(original)
    yield from (*extraction.parts, Project(columns))


class _Extraction:
    """The parts before an expression that has no calls any more."""

    def __init__(self, names: Sequence[str], on_error: OnError) -> None:
        self.parts: list[Part] = []
        self._names = list(names)
        self._on_error: OnError = on_error
        self._calls: dict[Any, Call] = {}
        self._arguments: dict[Any, str] = {}
        self._returns: dict[Any, str] = {}

    def without_calls(self, nodes: list[Node]) -> list[Node]:
        """Return nodes with columns in place of calls, which `parts` make."""
        waiting = {call.key(): call for node in nodes for call in calls_in(node)}
        self._returns = _wanted(nodes)
        while waiting:
            ready = [
                call
                for call in waiting.values()
                if all(inner.key() in self._calls for each in call.of for inner in calls_in(each))
            ]
            self._call(ready)
            for call in ready:
                del waiting[call.key()]
        return [self._made(node) for node in nodes]

    def errors(self, node: Node) -> Node:
        """Return the first error of the calls in a node."""
        calls = dict.fromkeys(self._calls[call.key()].error_column for call in calls_in(node))
        columns = tuple(Column(name) for name in calls)
        return columns[0] if len(columns) == 1 else Apply("coalesce", columns)

    def _call(self, calls: list[CatalogCall]) -> None:
        """Make the arguments of calls, then the calls."""
        before, made = list(self._names), {}
        prepared = []
        for call in calls:
            arguments = [self._made(each) for each in call.of]
            for each in arguments:
                if not isinstance(each, Column) and each.key() not in self._arguments:
                    name = self._arguments[each.key()] = self._fresh(text(each))
                    made[name] = each
            prepared.append(call.with_of(tuple(map(self._argument, arguments))))
        if made:
            self.parts.append(Project({**passed(before), **made}))
        for call, ready in zip(calls, prepared, strict=True):
            column = self._fresh(call.name)
            error = self._fresh(f"{column}{ERROR}") if self._on_error == "keep" else ""
            wanted = self._returns[call.key()]
            self._calls[call.key()] = Call(ready, column, self._on_error, error, wanted)
            self.parts.append(self._calls[call.key()])

    def _argument(self, node: Node) -> Column:
        """Return the column that holds an argument."""
        return node if isinstance(node, Column) else Column(self._arguments[node.key()])

    def _made(self, node: Node) -> Node:
        """Return a node with columns in place of the calls that are made."""
        if isinstance(node, CatalogCall) and node.key() in self._calls:
            return Column(self._calls[node.key()].column)
        return node.with_of(tuple(map(self._made, node.of))) if node.of else node

    def _fresh(self, name: str) -> str:
        """Return a name that no column has, and have it taken."""
        while name in self._names:
            name += "'"
        self._names.append(name)
        return name


def _wanted(nodes: Iterable[Node]) -> dict[Any, str]:
    """Return the type that each call is cast to, "" where it is used otherwise too."""
    types: dict[Any, set[str]] = {}
    for node in nodes:
        # What is used as a whole is used as it is.
        for whole in (Apply("", (node,)), *walk(node)):
            for part in whole.of:
                if isinstance(part, CatalogCall):
                    kind = whole.type if isinstance(whole, Cast) else ""
                    types.setdefault(part.key(), set()).add(kind)
    return {key: next(iter(found)) if len(found) == 1 else "" for key, found in types.items()}
