"""The columns of a frame and their types, as far as they are known before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from chalkcompute.errors import ExpressionError
from chalkcompute.frame import compiled
from chalkcompute.frame.datatype import named
from chalkcompute.frame.expression import text
from chalkcompute.frame.extraction import Call, Part, extracted
from chalkcompute.frame.node import Cast, Column, Node
from chalkcompute.frame.plan import Filter, Plan, Project, Step, names_in, passed

if TYPE_CHECKING:
    from chalkcompute.function import RemoteFunction

__all__ = ["Ask", "Shape", "shaped"]

#: Tells what a function returns, None where it does not declare it.
Ask: TypeAlias = "Callable[[str | RemoteFunction[..., object, object]], pa.DataType | None]"


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema; in it columns of types that are not known yet are of null."""

    schema: pa.Schema
    unknown: frozenset[str] = frozenset()

    def after(self, steps: Iterable[Step], ask: Ask | None = None) -> Shape:
        """Return what the shape becomes, where `ask` says what functions return.

        Raise NotFoundError for a column that is not there, ExpressionError for types that do
        not fit.
        """
        shape = self
        for part in extracted(steps, self.schema.names):
            shape = shape._after(part, ask)
        return shape

    def _after(self, part: Part, ask: Ask | None) -> Shape:
        if isinstance(part, Filter):
            self._check(part.where)
        elif isinstance(part, Project):
            return self._projected(part.columns)
        elif isinstance(part, Call):
            return self._called(part, ask)
        return self

    def _check(self, where: Node) -> None:
        """Raise where a condition is not true or false."""
        shape = self._projected({"where": where})
        kind = shape.schema.field(0).type
        if not (pa.types.is_boolean(kind) or pa.types.is_null(kind)):
            raise ExpressionError(
                f"filter({text(where)}): it is {kind}, expected what is true or false for each "
                "row: compare it with something"
            )

    def _projected(self, columns: Mapping[str, Node]) -> Shape:
        known = {name: node for name, node in columns.items() if self._knows(node)}
        unknown = {name: node for name, node in columns.items() if name not in known}
        types = compiled.schema_of(known, self.schema)
        # Of all others the columns must be there.
        compiled.schema_of(
            passed(n for each in unknown.values() for n in names_in(each)), self.schema
        )
        fields = [types.field(n) if n in known else pa.field(n, pa.null()) for n in columns]
        return Shape(pa.schema(fields), frozenset(unknown))

    def _knows(self, node: Node) -> bool:
        """Tell whether the type of a node is known."""
        if isinstance(node, Column):
            return node.name not in self.unknown
        return isinstance(node, Cast) or all(map(self._knows, node.of))

    def _called(self, call: Call, ask: Ask | None) -> Shape:
        compiled.schema_of(passed(call.needed), self.schema)
        kind = named(call.returns) if call.returns else None
        if kind is None and ask is not None:
            kind = ask(call.node.function)
        schema = self.schema.append(pa.field(call.column, kind or pa.null()))
        if call.on_error == "keep":
            schema = schema.append(pa.field(call.error_column, pa.string()))
        return Shape(schema, self.unknown | ({call.column} if kind is None else frozenset()))


def shaped(plan: Plan, ask: Ask) -> Shape:
    """Return what comes out of a plan, where `ask` says what functions return."""
    return Shape(plan.source.schema).after(plan.steps, ask)
