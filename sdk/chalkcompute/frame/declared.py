"""The types that functions declare, as their schemas name them, and what fits them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from chalkcompute.errors import ExpressionError

__all__ = ["check_fit", "loose", "type_of"]

_LEAVES: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "timestamp[us]": pa.timestamp("us"),
    "date32[day]": pa.date32(),
    "time64[us]": pa.time64("us"),
    "duration[us]": pa.duration("us"),
    "uuid": pa.uuid(),
}
_WORD = re.compile(r"[^<>,:]+")


def type_of(text: str) -> pa.DataType | None:
    """Return the type that a schema names; None where it fixes none ("any", "table").

    Raises ValueError for a text that is none of a schema's.
    """
    if text in ("any", "table", ""):
        return None
    kind, rest = _read(text)
    if rest:
        raise ValueError(f"{rest!r} is left over of the type {text!r}")
    return kind


def loose(kind: pa.DataType) -> pa.DataType:
    """Return the same type with nulls allowed everywhere in it, and nothing said besides."""
    if pa.types.is_list(kind):
        return pa.list_(loose(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(loose(kind.key_type), loose(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, loose(each.type)) for each in kind])
    return kind


def check_fit(column: str, kind: pa.DataType, parameter: str, declared: str) -> None:
    """Raise ExpressionError where no value of a column can be what a parameter declares.

    `declared` is the type of the parameter as a schema names it. What may fit does:
    values are looked at where they are sent.
    """
    test = _FITTING.get(declared.partition("<")[0])
    if test is None or pa.types.is_null(kind) or test(_inside(kind)):
        return
    target = declared if declared in _LEAVES else "..."
    raise ExpressionError(
        f"column {column!r} is {kind} and parameter {parameter!r} is {declared}: no such value "
        f'fits; .cast("{target}") it, or pass another column'
    )


def _read(text: str) -> tuple[pa.DataType, str]:
    """Return the type at the beginning of a text, and what follows it."""
    found = _WORD.match(text)
    word = found[0] if found else ""
    rest = text[len(word) :]
    if word in _LEAVES:
        return _LEAVES[word], rest
    if word not in ("list", "map", "struct") or not rest.startswith("<"):
        raise ValueError(f"{text!r} does not begin with a type of a schema")
    inner, rest = _read_inner(rest[1:], named=word == "struct")
    if word == "struct":
        return pa.struct(inner), rest
    kinds = [kind for _, kind in inner]
    return (pa.list_(*kinds) if word == "list" else pa.map_(*kinds)), rest


def _read_inner(text: str, *, named: bool) -> tuple[list[tuple[str, pa.DataType]], str]:
    """Return names and types up to the closing bracket, and what follows it."""
    inner: list[tuple[str, pa.DataType]] = []
    while True:
        name = ""
        if named:
            name, _, text = text.partition(": ")
        kind, text = _read(text)
        inner.append((name, kind))
        if text.startswith(">"):
            return inner, text[1:]
        if not text.startswith(", "):
            raise ValueError(f"{text!r} does not go on as a type of a schema does")
        text = text[2:]


def _inside(kind: Any) -> Any:
    """Return the type of the values that are encoded in a column."""
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return kind.value_type
    return kind


def _is_whole(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def _is_real(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or _is_whole(kind)


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _is_day(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def _is_pairs(kind: pa.DataType) -> bool:
    return pa.types.is_map(kind) or pa.types.is_struct(kind)


def _is_uuid(kind: pa.DataType) -> bool:
    return kind == pa.uuid()


#: What may be the column of a parameter, by the first word of the type that it declares.
_FITTING: dict[str, Callable[[pa.DataType], bool]] = {
    "bool": pa.types.is_boolean,
    "int64": _is_whole,
    "double": _is_real,
    "string": _is_text,
    "binary": _is_bytes,
    "timestamp[us]": pa.types.is_timestamp,
    "date32[day]": _is_day,
    "time64[us]": pa.types.is_time,
    "duration[us]": pa.types.is_duration,
    "uuid": _is_uuid,
    "list": _is_list,
    "map": _is_pairs,
    "struct": pa.types.is_struct,
}
