"""Trees of expressions that meet a schema: what Arrow computes, and its types. Pure.

Whatever Arrow says against it is told as an ExpressionError in the words of the user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from chalkcompute.errors import ExpressionError, NotFoundError
from chalkcompute.frame import datatype, kernels
from chalkcompute.frame.near import near
from chalkcompute.frame.node import Apply, Cast, Column, Literal, Member, Node
from chalkcompute.frame.operand import Operand, Unfit, call
from chalkcompute.frame.written import text

__all__ = ["compiled", "schema_of", "told"]

_NO_KERNEL = re.compile(r"Function '(\w+)' has no kernel matching input types \((.*)\)", re.DOTALL)
_NO_CAST = re.compile(r"Unsupported cast from (.+) to (.+?)(?: using function \w+)?$")
#: What Arrow says of data, and what can be done.
_TOLD: tuple[tuple[str, str], ...] = (
    (r"overflow", 'the result does not fit its type: .cast("int64") or .cast("double") first'),
    (
        r"divide by zero",
        "a whole number is divided by zero: `/` makes it inf, // F.when(_.x != 0).then(_.x) null",
    ),
    (
        r"Failed to parse string: '(.*)' as a scalar of type (.*)",
        r"'\1' is no \2: null is in its place by F.when(F.regexp_like(_.x, ...)).then(_.x)",
    ),
    (r"Failed to parse value: (.*)", r"'\1' is no boolean: those are true, false, 1 and 0"),
    (
        r"(?:Float|Decimal) value (\S+) was truncated converting to (\S+)",
        r"\1 is no \2: F.round, F.floor or F.ceil it first",
    ),
    (
        r"Integer value (\S+) (?:not in range|out of range)[^\d-]*(-?\d+) to (-?\d+)",
        r"\1 is not from \2 to \3: .cast(...) to a wider type",
    ),
    (
        r"integers to negative integer powers are not allowed",
        'a whole number to a negative power is none: .cast("double") one of them',
    ),
    (
        r"Casting from (\S+) to (\S+) would lose data: (.*)",
        r"\3 of \1 is no \2 without a loss: F.date_trunc(...) it first",
    ),
    (r"Invalid regular expression: (.*)", r"the pattern is no regular expression: \1"),
)


def compiled(nodes: Iterable[Node], schema: pa.Schema) -> list[pc.Expression]:
    """Return what Arrow computes for a frame of `schema`; no node has a CatalogCall.

    Raises NotFoundError (no such column or member; near names are listed) or
    ExpressionError (types do not fit).
    """
    compiler = _Compiler(schema)
    return [compiler.whole(node).expression for node in nodes]


def schema_of(columns: Mapping[str, Node], schema: pa.Schema) -> pa.Schema:
    """Return the types of what `columns` make of a frame of `schema`.

    Raises as `compiled` does.
    """
    compiler = _Compiler(schema)
    operands = {name: compiler.whole(node) for name, node in columns.items()}
    return pa.schema([(name, each.type) for name, each in operands.items()])


def told(problem: pa.ArrowException, node_text: str = "") -> ExpressionError:
    """Return the error for what computing raised on data.

    `node_text` is the expression that was computed, where that is known. The caller
    raises it from `problem`.
    """
    said = str(problem).strip()
    for pattern, hint in _TOLD:
        if match := re.search(pattern, said):
            said = match.expand(hint)
            break
    return ExpressionError(f"{node_text}: {said}" if node_text else said)


class _AbsentError(Exception):
    """Says that a name is not there, before it is known in which expression."""


class _Compiler:
    """Compiles for one schema, and asks Arrow for types with a frame that has no rows."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._empty = ds.dataset(schema.empty_table())

    def whole(self, node: Node) -> Operand:
        """Return what Arrow computes for a whole expression, with its type."""
        try:
            return self.operand(node)
        except _AbsentError as error:
            raise NotFoundError(f"{text(node)}: {error}") from None

    def operand(self, node: Node) -> Operand:
        """Return what Arrow computes for a node, with its type."""
        match node:
            case Literal(value):
                return Operand.constant(datatype.scalar(value))
            case Column(name):
                return self._column(name)
        operands = [self.operand(each) for each in node.of]
        try:
            return self._typed(lambda: _made(node, operands))
        except Unfit as error:
            raise ExpressionError(f"{text(node)}: {error}") from error.__cause__
        except (pa.ArrowException, TypeError) as error:
            raise _refused(error, node, operands) from error

    def _column(self, name: str) -> Operand:
        """Return the column of a name, which must be that of one column."""
        places = self._schema.get_all_field_indices(name)
        if not places:
            hint = near(name, self._schema.names, "columns")
            raise _AbsentError(f'there is no column "{name}": {hint}')
        if len(places) > 1:
            raise ExpressionError(
                f'{len(places)} columns have the name "{name}": rename all but one'
            )
        return Operand(pc.field(name), self._schema.field(places[0]).type)

    def _typed(self, make: Callable[[], Operand | pc.Expression]) -> Operand:
        """Return what `make` makes, with the type that Arrow says it has."""
        made = make()
        if isinstance(made, Operand):
            return made
        columns: Any = {"x": made}
        scanner = self._empty.scanner(columns=columns)
        return Operand(made, scanner.projected_schema.field("x").type)


def _made(node: Node, operands: list[Operand]) -> Operand | pc.Expression:
    """Return what a node makes of operands."""
    match node:
        case Apply(function, _, options):
            return kernels.applied(function, operands, options)
        case Member(_, item):
            return _member(operands[0].plain(), item)
        case Cast(_, name):
            return _cast(operands[0].plain(), datatype.named(name))
    raise AssertionError(node)


def _cast(operand: Operand, target: pa.DataType) -> Operand | pc.Expression:
    """Return an operand as another type; a constant at once."""
    if operand.scalar is not None:
        return operand.to(target)
    return operand.to(target).expression


def _member(whole: Operand, item: str | int) -> pc.Expression:
    """Return the member of a struct or map, the element of a list, or a character."""
    if whole.family == "struct" and isinstance(item, str):
        names = [whole.type.field(place).name for place in range(whole.type.num_fields)]
        if item not in names:
            raise _AbsentError(f'there is no member "{item}": {near(item, names, "members")}')
        return call("struct_field", whole, indices=item)
    if whole.family == "map":
        key = pa.scalar(item).cast(whole.type.key_type)
        return call("map_lookup", whole, query_key=key, occurrence="first")
    if isinstance(item, int) and whole.family == "list":
        if item < 0:
            raise Unfit("an index of a list counts from its start, 0: it may not be negative")
        # A list of one, filled up with null where it is too short.
        one = call("list_slice", whole, start=item, stop=item + 1, return_fixed_size_list=True)
        return call("list_element", one, pc.scalar(0))
    if isinstance(item, int) and whole.family in ("string", "binary"):
        return kernels.applied(
            "slice", [whole], {"start": item, "stop": item + 1 or None, "step": 1}
        )
    if isinstance(item, str):
        raise Unfit(f"{whole.type} has no members; functions are in F, as F.length(...)")
    raise Unfit(f"{whole.type} has no elements by number")


def _refused(error: Exception, node: Node, operands: list[Operand]) -> ExpressionError:
    """Return the error for what Arrow says against a node before it sees data."""
    said = str(error).strip()
    if _NO_KERNEL.search(said):
        types = " and ".join(str(each.type) for each in operands)
        return ExpressionError(f"{text(node)}: takes no {types}; .cast(...) what does not fit")
    if match := _NO_CAST.search(said):
        return ExpressionError(f"{text(node)}: Arrow makes no {match[2]} of {match[1]}")
    if isinstance(error, pa.ArrowException):
        return told(error, text(node))
    return ExpressionError(f"{text(node)}: {said}")
