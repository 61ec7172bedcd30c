"""Types of Arrow: by name, of Python's values, and what several have in common. Pure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pyarrow as pa

from chalkcompute.frame.near import near
from chalkcompute.frame.written import shown

__all__ = ["common", "family", "named", "plain", "scalar"]

#: What Python's own types are called.
_PYTHON: dict[type, str] = {
    bool: "bool",
    int: "int64",
    float: "double",
    str: "string",
    bytes: "binary",
    datetime.datetime: "timestamp[us]",
    datetime.date: "date32[day]",
    datetime.time: "time64[us]",
    datetime.timedelta: "duration[us]",
}
_NAMES = (
    "bool binary date32 date64 decimal128(10,2) double duration[us] float float32 float64 int8 "
    "int16 int32 int64 large_binary large_string list<int64> map<string,int64> null string "
    "struct<a:int64> time32[s] time64[us] timestamp[us] timestamp[us,tz=UTC] "
    "uint8 uint16 uint32 uint64"
).split()
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), *tz=([^\]]+)\]")
_DECIMAL = re.compile(r"decimal(128|256)?\((\d+), *(-?\d+)\)")
_NESTED = re.compile(r"(list|large_list|struct|map)<(.*)>")
_FAMILIES: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("null", pa.types.is_null),
    ("boolean", pa.types.is_boolean),
    ("integer", pa.types.is_integer),
    ("float", pa.types.is_floating),
    ("decimal", pa.types.is_decimal),
    ("string", lambda each: pa.types.is_string(each) or pa.types.is_large_string(each)),
    ("binary", lambda each: pa.types.is_binary(each) or pa.types.is_large_binary(each)),
    ("date", pa.types.is_date),
    ("timestamp", pa.types.is_timestamp),
    ("time", pa.types.is_time),
    ("duration", pa.types.is_duration),
    ("struct", pa.types.is_struct),
    ("map", pa.types.is_map),
    (
        "list",
        lambda each: (
            pa.types.is_list(each)
            or pa.types.is_large_list(each)
            or pa.types.is_fixed_size_list(each)
        ),
    ),
)


def named(what: object) -> pa.DataType:
    """Return the type that is meant by a name, a type of Python's, or a type of Arrow's.

    Names are Arrow's: "int64", "double", "string", "timestamp[us, tz=UTC]", "list<int64>".
    Raises ValueError for a name that is none, TypeError for what cannot be one.
    """
    if isinstance(what, pa.DataType):
        return what
    if isinstance(what, type) and what in _PYTHON:
        return _alias(_PYTHON[what])
    if isinstance(what, str):
        found = _parsed(what.strip())
        if found is None:
            raise ValueError(f'Arrow has no type "{what}": {near(what, _NAMES, "types")}')
        return found
    raise TypeError(
        f"a type is a name such as \"int64\", a type of Python's or one of pyarrow's, not {what!r}"
    )


def _alias(name: str) -> pa.DataType:
    """Return the type that has a name without parameters. Raises ValueError for no name."""
    known: Any = pa.type_for_alias
    found: pa.DataType = known(name)
    return found


def _parsed(name: str) -> pa.DataType | None:
    """Return the type of a name as Arrow prints it, None where it is none."""
    if match := _ZONED.fullmatch(name):
        unit: Any = match[1]
        return pa.timestamp(unit, match[2].strip())
    if match := _DECIMAL.fullmatch(name):
        make = pa.decimal256 if match[1] == "256" else pa.decimal128
        try:
            return make(int(match[2]), int(match[3]))
        except ValueError:
            return None
    if match := _NESTED.fullmatch(name):
        return _nested(match[1], [_member(each) for each in _split(match[2])])
    try:
        return _alias(name)
    except ValueError:
        return None


def _nested(kind: str, members: Sequence[tuple[str, pa.DataType | None]]) -> pa.DataType | None:
    """Return the type of a list, map or struct, None where its members do not make one."""
    types = [each for _, each in members if each is not None]
    if len(types) < len(members):
        return None
    if kind == "struct":
        return pa.struct([(name, each) for (name, _), each in zip(members, types, strict=True)])
    if kind == "map":
        return pa.map_(*types) if len(types) == 2 else None
    make = pa.large_list if kind == "large_list" else pa.list_
    return make(types[0]) if len(types) == 1 else None


def _member(text: str) -> tuple[str, pa.DataType | None]:
    """Return name and type of `name: type`; the name is empty where there is a type alone."""
    name, colon, rest = text.partition(":")
    if colon and "<" not in name and "[" not in name:
        return name.strip(), _parsed(rest.strip())
    return "", _parsed(text.strip())


def _split(text: str) -> list[str]:
    """Return what commas part that stand in no bracket."""
    parts, depth = [""], 0
    for each in text:
        depth += (each in "<[(") - (each in ">])")
        if each == "," and not depth:
            parts.append("")
        else:
            parts[-1] += each
    return parts


def family(data_type: pa.DataType) -> str:
    """Return what kind of type it is: "integer", "string"; its own name where it is no other."""
    return next((name for name, fits in _FAMILIES if fits(data_type)), str(data_type))


def plain(data_type: pa.DataType) -> pa.DataType:
    """Return the type in which Arrow computes: of a dictionary's values, no view and no half."""
    if pa.types.is_dictionary(data_type):
        return plain(data_type.value_type)
    if pa.types.is_string_view(data_type):
        return pa.large_string()
    if pa.types.is_binary_view(data_type):
        return pa.large_binary()
    if pa.types.is_float16(data_type):
        return pa.float32()
    return data_type


def common(types: Iterable[pa.DataType]) -> pa.DataType | None:
    """Return the one type that values of all types can be, None where there is none.

    Numbers widen, a date becomes a timestamp, and a null is of any type.
    """
    found = [each for each in types if not pa.types.is_null(each)]
    if not found:
        return pa.null()
    if any(map(pa.types.is_timestamp, found)) and any(map(pa.types.is_date, found)):
        found = [pa.timestamp("us") if pa.types.is_date(each) else each for each in found]
    if any(map(pa.types.is_decimal, found)) and any(map(pa.types.is_floating, found)):
        found = [pa.float64() if family(each) in ("decimal", "integer") else each for each in found]
    try:
        schemas = [pa.schema([("x", each)]) for each in found]
        unified = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException:
        return None
    found_type: pa.DataType = unified.field("x").type
    return found_type


def scalar(value: object) -> pa.Scalar[Any]:
    """Return a value of Python's as one of Arrow's.

    Raises TypeError where Arrow has no type for it.
    """
    if isinstance(value, pa.Scalar):
        return value
    try:
        if isinstance(value, int) and 2**63 <= value < 2**64:
            return pa.scalar(value, pa.uint64())
        return pa.scalar(value)  # type: ignore[call-overload,no-any-return] # any object
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise TypeError(
            f"Arrow has no type for {shown(value)}: expected an expression, or a number, string, "
            "bytes, bool, date, datetime, time, timedelta, None, or a list or dict of these"
        ) from error
