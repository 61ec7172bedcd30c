"""The columns that hold no other columns, by the Python type of their values."""

from __future__ import annotations

import datetime
import enum
import uuid
from typing import Any

from fnq_wire.column.kind import Bits, Kind, Number, Real, Short, Stretch, Unfit, Varied
from fnq_wire.column.message import (
    BINARY,
    BOOL,
    DATE,
    DURATION,
    FIXED_BINARY,
    FLOAT,
    INT,
    TIME,
    TIMESTAMP,
    UTF8,
    Field,
)
from fnq_wire.column.text import Text

__all__ = ["LEAVES", "Member", "leaf_of"]

_EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - naive, as the column is
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_MICROSECOND = datetime.timedelta(microseconds=1)


def _text_down(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as problem:
        raise Unfit from problem


def _text_up(view: memoryview) -> str:
    return str(view, "utf-8")


def _moment_down(value: datetime.datetime) -> int:
    if value.tzinfo is not None or value.fold:
        raise Unfit
    return (value - _EPOCH) // _MICROSECOND


def _moment_up(count: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=count)


def _time_down(value: datetime.time) -> int:
    if value.tzinfo is not None or value.fold:
        raise Unfit
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * 1_000_000 + value.microsecond


def _time_up(count: int) -> datetime.time:
    seconds, micro = divmod(count, 1_000_000)
    return datetime.time(seconds // 3600, seconds // 60 % 60, seconds % 60, micro)


def _day_down(value: datetime.date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _day_up(count: int) -> datetime.date:
    return datetime.date.fromordinal(count + _EPOCH_DAY)


def _span_down(value: datetime.timedelta) -> int:
    return value // _MICROSECOND


def _span_up(count: int) -> datetime.timedelta:
    return datetime.timedelta(microseconds=count)


def _uuid_down(value: uuid.UUID) -> bytes:
    return value.bytes


def _uuid_up(data: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=data)


def _uuids() -> Kind:
    kind = Stretch("uuid", (FIXED_BINARY, (16,)), uuid.UUID, bytes(16), (_uuid_down, _uuid_up))
    kind.metadata = {"ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": ""}
    return kind


#: By the annotation.
LEAVES: dict[type, Kind] = {
    bool: Bits("bool", (BOOL, ()), bool, False),
    int: Number("int64", (INT, (64, 1)), int),
    float: Real("double", (FLOAT, (2,)), float),
    str: Text("string", (UTF8, ()), str, ""),
    bytes: Varied("binary", (BINARY, ()), bytes, b"", (bytes, bytes)),
    datetime.datetime: Number(
        "timestamp[us]",
        (TIMESTAMP, (2,)),
        datetime.datetime,
        convert=(_moment_down, _moment_up),
    ),
    datetime.date: Short("date32[day]", (DATE, (0,)), datetime.date, convert=(_day_down, _day_up)),
    datetime.time: Number(
        "time64[us]", (TIME, (2, 64)), datetime.time, convert=(_time_down, _time_up)
    ),
    datetime.timedelta: Number(
        "duration[us]", (DURATION, (2,)), datetime.timedelta, convert=(_span_down, _span_up)
    ),
    uuid.UUID: _uuids(),
}

_BY_ARROW = {kind.arrow: kind for kind in LEAVES.values()}


def leaf_of(field: Field) -> Kind | None:
    """Return the kind of a column as a schema describes it; None when it is no leaf."""
    kind = _BY_ARROW.get(field.type)
    if kind is None or field.children:
        return None
    return kind.optional() if field.nullable else kind


class Member(Varied):
    """A column of members of one Enum, by name."""

    def __init__(self, python: type[enum.Enum], key: str) -> None:
        super().__init__("string", (UTF8, ()), python, b"", (self._down, self._up))
        self.metadata = {"fnq.class": key}

    def _down(self, value: enum.Enum) -> bytes:
        name = value.name
        if self.python.__members__.get(name) is not value:  # type: ignore[attr-defined]
            raise Unfit
        return _text_down(name)

    def _up(self, view: memoryview) -> Any:
        return self.python.__members__[_text_up(view)]  # type: ignore[attr-defined]
