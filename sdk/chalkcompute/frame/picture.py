"""A frame to look at: how it runs, its columns, and a few rows where they cost nothing."""

from __future__ import annotations

import html as markup
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from chalkcompute.errors import FnqError
from chalkcompute.frame import running
from chalkcompute.frame.expression import text as written
from chalkcompute.frame.extraction import Call, extracted
from chalkcompute.frame.inmemory import InMemory
from chalkcompute.frame.node import Column, Node
from chalkcompute.frame.plan import Filter, Limit, Plan, Project, names_in
from chalkcompute.frame.route import Leg, Route, routed
from chalkcompute.frame.shape import Shape

__all__ = ["explained", "html", "text"]

#: Of rows that are shown, and of characters of a value.
_ROWS = 5
_WIDTH = 24
#: Columns of which values are shown, and that are named.
_COLUMNS = 8
_TYPES = 40
#: Characters before what a step does.
_MARGIN = 9


def explained(route: Route) -> str:
    """Return how a plan runs, one step below the other."""
    lines = [_line("scan", route.source.text())]
    needed = list(route.scan.needed)
    lines.append(_line("", f"reads    {', '.join(needed) or 'no column'}"))
    lines += (_line("", f"where    {written(each)}") for each in route.scan.where)
    made = [name for name, node in route.scan.columns.items() if not _same(name, node)]
    lines += (_line("", f"makes    {_made(name, route.scan.columns[name])}") for name in made)
    for leg in route.legs:
        lines += _explained(leg)
    return "\n".join(lines)


def text(plan: Plan, shape: Shape) -> str:
    """Return source, columns with their types, and a few rows."""
    types = _types(plan, shape)
    width = max(map(len, types), default=0)
    lines = [f"DataFrame of {plan.source.text(short=True)}"]
    lines += (f"  {name:<{width}}  {kind}" for name, kind in list(types.items())[:_TYPES])
    if len(types) > _TYPES:
        lines.append(f"  and {len(types) - _TYPES:,} more")
    table = _few(plan)
    if table is None or not table.num_columns:
        return "\n".join(lines)
    cells = [table.column_names, *_cells(table)]
    widths = [max(len(row[n]) for row in cells) for n in range(table.num_columns)]
    lines.append("")
    for row in cells:
        line = "  ".join(f"{cell:<{size}}" for cell, size in zip(row, widths, strict=True))
        lines.append(f"  {line}".rstrip())
    return "\n".join(lines)


def html(plan: Plan, shape: Shape) -> str:
    """Return the same for a notebook."""
    types = dict(list(_types(plan, shape).items())[:_TYPES])
    table = _few(plan)
    shown = [] if table is None else table.column_names
    heads = "".join(
        f"<th>{markup.escape(name)}<br><small>{markup.escape(kind)}</small></th>"
        for name, kind in types.items()
    )
    body = ""
    if table is not None and shown:
        for row in _cells(table):
            cells = dict(zip(shown, row, strict=True))
            body += (
                "<tr>"
                + "".join(f"<td>{markup.escape(cells.get(name, '…'))}</td>" for name in types)
                + "</tr>"
            )
    source = markup.escape(plan.source.text(short=True))
    return (
        f"<table><caption>DataFrame of {source}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _types(plan: Plan, shape: Shape) -> dict[str, str]:
    """Return the type of each column; of one that is not known, what decides it."""
    types = {each.name: str(each.type) for each in shape.schema}
    return {n: "known once it runs" if n in shape.unknown else types[n] for n in types}


def _few(plan: Plan) -> pa.Table | None:
    """Return the first rows of the columns that no call makes, None where they would cost more.

    They come of a few that lie at the beginning: where a filter lets none of these through
    there is nothing to see.
    """
    names = _uncalled(plan)
    try:
        sample = plan.source.sample() if names else None
        if sample is None:
            return None
        held = Plan(InMemory(pa.Table.from_batches([sample]), ""), (*plan.steps, Limit(_ROWS)))
        batches = list(running.batches(routed(held, names)))
        return pa.Table.from_batches(batches).select(names[:_COLUMNS]) if batches else None
    # Whoever looks at a frame is told of its columns, whatever its files have become.
    except (FnqError, pa.ArrowException, OSError, ValueError):
        return None


def _uncalled(plan: Plan) -> list[str]:
    """Return the columns that can be had without a call."""
    names: list[str] = list(plan.source.schema.names)
    called: set[str] = set()
    for part in extracted(plan.steps, names):
        if isinstance(part, Call):
            called.update(part.made)
        elif isinstance(part, Filter) and called.intersection(names_in(part.where)):
            return []
        elif isinstance(part, Project):
            called = {n for n, node in part.columns.items() if called.intersection(names_in(node))}
            names = list(part.columns)
    return [name for name in names if name not in called]


def _cells(table: pa.Table) -> list[list[str]]:
    """Return values as they are shown."""
    columns = [[_cell(value) for value in column] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _cell(value: pa.Scalar[Any]) -> str:
    try:
        shown = str(value.as_py()) if value.is_valid else "null"
    except (ValueError, OverflowError):  # A time that Python has not got.
        shown = " ".join(pa.array([value], value.type).to_string().split())[1:-1].strip()
    shown = shown.replace("\n", "\\n")
    return shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1] + "…"


def _explained(leg: Leg) -> Iterator[str]:
    """Return the lines of one leg."""
    if isinstance(leg, Limit):
        yield _line("limit", f"{leg.rows:,} row{'s' * (leg.rows != 1)}")
    elif isinstance(leg, Call):
        yield _line("call", f"{leg.column} = {_called(leg)}")
        if leg.on_error != "raise":
            yield _line("", f'on_error "{leg.on_error}"')
    else:
        yield from (_line("filter", written(each)) for each in leg.where)
        made = [_made(name, node) for name, node in leg.columns.items()]
        yield _line("project", ", ".join(made))


def _line(verb: str, what: str) -> str:
    return f"{verb:<{_MARGIN}}{what}"


def _called(call: Call) -> str:
    """Return a call as one would write it in Python; its arguments are named as they are made."""
    places = [*("" for _ in call.node.args), *(f"{name}=" for name in call.node.kwargs)]
    given = (f"{place}{name}" for place, name in zip(places, call.needed, strict=True))
    return f"{call.node.name}({', '.join(given)})"


def _made(name: str, node: Node) -> str:
    how = written(node)
    # An argument of a call is named by what it is.
    return name if _same(name, node) or name == how else f"{name} = {how}"


def _same(name: str, node: Node) -> bool:
    """Tell whether a column is what it was."""
    return isinstance(node, Column) and node.name == name
