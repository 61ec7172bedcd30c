"""Tagged bytes to Python values; see `fnq_wire.value.tag` for the form.

The bytes come from the network: every length is held against what is left, nothing
is allocated ahead of the bytes that fill it, and depth is bounded. What is wrong
raises ValueError or whatever the constructor of a value raises; the caller of
`Reader` turns all of that into one error.
"""

from __future__ import annotations

import datetime
import decimal
import struct
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, TypeAlias

from fnq_wire.classes import Classes, Family, family_of
from fnq_wire.error import SerializationError
from fnq_wire.value import library, tag
from fnq_wire.value.shape import put_together
from fnq_wire.value.writer import MAX_DEPTH

__all__ = ["Reader"]

#: Bytes up to which a copy is cheaper than reading through a view.
_SMALL_DATA = 1 << 16
_SHIFT = tag.SMALL - tag.SMALL_LEAST

_INT = struct.Struct("<q")
_FLOAT = struct.Struct("<d")
_COMPLEX = struct.Struct("<dd")
_DATETIME = struct.Struct("<HBBBBBIB")
_DATE = struct.Struct("<I")
_TIME = struct.Struct("<BBBIB")
_TIMEDELTA = struct.Struct("<iII")
_OFFSET = struct.Struct("<ii")

_Read: TypeAlias = Callable[["Reader", int], Any]


class Reader:
    """Take one value from bytes."""

    __slots__ = ("_at", "_data", "_names", "_shapes", "_size", "classes")

    def __init__(self, data: bytes | memoryview, classes: Classes) -> None:
        self.classes = classes
        self._size = len(data)
        self._data = bytes(data) if self._size <= _SMALL_DATA else memoryview(data)
        self._at = 0
        self._names: list[str] = []
        self._shapes: list[tuple[type, Family, tuple[str, ...]]] = []

    def read(self, depth: int = 0) -> Any:
        """Return the next value."""
        kind = self._data[self._at]
        self._at += 1
        return kind - _SHIFT if kind >= tag.SMALL else _READERS[kind](self, depth)

    def finish(self) -> None:
        """Raise ValueError when bytes are left."""
        if self._at != self._size:
            raise ValueError(f"{self._size - self._at} bytes are left over")

    def count(self) -> int:
        """Return a length, a count or an index."""
        number = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 56:
                raise ValueError("a number of more than eight bytes")

    def items(self, depth: int) -> range:
        """Return a range over the items that follow."""
        count = self.count()
        if count > self._size - self._at:
            raise ValueError(f"{count} items in {self._size - self._at} bytes")
        if depth >= MAX_DEPTH:
            raise ValueError(f"values are nested deeper than {MAX_DEPTH} levels")
        return range(count)

    def data(self, length: int) -> bytes | memoryview:
        """Return the next bytes."""
        start = self._at
        self._at += length
        if self._at > self._size:
            raise ValueError(f"{length} bytes are missing at {start} of {self._size}")
        return self._data[start : self._at]

    def numbers(self, form: struct.Struct) -> tuple[Any, ...]:
        """Return the numbers of a form."""
        start = self._at
        self._at += form.size
        return form.unpack_from(self._data, start)

    def align(self) -> None:
        """Skip to a multiple of 8."""
        self._at += -self._at % 8

    def name(self) -> str:
        """Return a key, which may be one that came before."""
        kind = self._data[self._at]
        if kind not in (tag.NAME, tag.AGAIN, tag.STR, tag.SURROGATES):
            raise ValueError(f"a name was expected, and tag {kind} came")
        text: str = self.read()
        return text

    def class_of(self, key: str) -> tuple[type, Family]:
        """Return the class of a key; raises SerializationError when it is not known here."""
        cls = self.classes.get(key)
        family = family_of(cls)
        if family is None:
            raise ValueError(f"{key} is no class whose values travel")
        return cls, family

    def learn(self, text: str) -> str:
        """Keep a key that may come again."""
        self._names.append(text)
        return text

    def again(self) -> str:
        """Return a key that came before."""
        return self._names[self.count()]

    def shape(self) -> int:
        """Take a class and its fields; return the number of the shape."""
        cls, family = self.class_of(self.name())
        self._shapes.append((cls, family, tuple([self.name() for _ in self.items(0)])))
        return len(self._shapes) - 1

    def made(self, number: int, depth: int) -> Any:
        """Return the object of a shape that comes now."""
        cls, family, names = self._shapes[number]
        if depth >= MAX_DEPTH:
            raise ValueError(f"values are nested deeper than {MAX_DEPTH} levels")
        values = [self.read(depth + 1) for _ in names]
        return put_together(cls, family, names, values)


def _big(r: Reader, depth: int) -> int:
    return int.from_bytes(r.data(r.count()), "little", signed=True)


def _float(r: Reader, depth: int) -> Any:
    return r.numbers(_FLOAT)[0]


def _int(r: Reader, depth: int) -> Any:
    return r.numbers(_INT)[0]


def _str(r: Reader, depth: int) -> str:
    return str(r.data(r.count()), "utf-8")


def _surrogates(r: Reader, depth: int) -> str:
    return str(r.data(r.count()), "utf-8", "surrogatepass")


def _name(r: Reader, depth: int) -> str:
    return r.learn(str(r.data(r.count()), "utf-8"))


def _dict(r: Reader, depth: int) -> dict[Any, Any]:
    read = r.read
    return {read(depth + 1): read(depth + 1) for _ in r.items(depth)}


def _list(r: Reader, depth: int) -> list[Any]:
    read = r.read
    return [read(depth + 1) for _ in r.items(depth)]


def _array(code: str) -> _Read:
    """Return what reads a list of numbers of one width."""

    def read(r: Reader, depth: int) -> list[Any]:
        count = r.count()
        r.align()
        return list(struct.unpack(f"<{count}{code}", r.data(8 * count)))

    return read


def _zoned(r: Reader, depth: int) -> datetime.tzinfo | None:
    zone = r.read(depth)
    if zone is not None and not isinstance(zone, datetime.tzinfo):
        raise ValueError(f"a time zone was expected, and {type(zone).__name__} came")
    return zone


def _datetime(r: Reader, depth: int) -> datetime.datetime:
    year, month, day, hour, minute, second, micro, fold = r.numbers(_DATETIME)
    return datetime.datetime(
        year, month, day, hour, minute, second, micro, _zoned(r, depth), fold=fold
    )


def _time(r: Reader, depth: int) -> datetime.time:
    hour, minute, second, micro, fold = r.numbers(_TIME)
    return datetime.time(hour, minute, second, micro, _zoned(r, depth), fold=fold)


def _date(r: Reader, depth: int) -> datetime.date:
    return datetime.date.fromordinal(r.numbers(_DATE)[0])


def _offset(r: Reader, depth: int) -> datetime.timezone:
    seconds, micro = r.numbers(_OFFSET)
    delta, name = datetime.timedelta(0, seconds, micro), r.read(depth)
    return datetime.timezone(delta) if name is None else datetime.timezone(delta, name)


def _zone(r: Reader, depth: int) -> zoneinfo.ZoneInfo:
    key = r.name()
    try:
        return zoneinfo.ZoneInfo(key)
    except (zoneinfo.ZoneInfoNotFoundError, OSError) as problem:
        raise SerializationError(
            f"the time zone {key!r} is not known here; install tzdata, by apt or by pip"
        ) from problem


def _enum(r: Reader, depth: int) -> Any:
    cls, family = r.class_of(r.name())
    if family is not Family.ENUM:
        raise ValueError(f"{cls.__qualname__} is no Enum")
    value = r.read(depth + 1)
    return cls(*value) if type(value) is tuple else cls.__members__[value]  # type: ignore[attr-defined]


def _library(name: str) -> _Read:
    """Return what reads the values of a library."""
    return lambda r, depth: library.put_together(name, r.read(depth + 1))


def _blob(r: Reader, depth: int) -> memoryview:
    length = r.count()
    r.align()
    return memoryview(r.data(length))


def _unknown(r: Reader, depth: int) -> Any:
    raise ValueError("a tag that is not known here; is the other end newer?")


_READERS: list[_Read] = [_unknown] * tag.SMALL
for _tag, _read in {
    tag.NONE: lambda r, depth: None,
    tag.FALSE: lambda r, depth: False,
    tag.TRUE: lambda r, depth: True,
    tag.INT: _int,
    tag.BIG: _big,
    tag.FLOAT: _float,
    tag.COMPLEX: lambda r, depth: complex(*r.numbers(_COMPLEX)),
    tag.STR: _str,
    tag.SURROGATES: _surrogates,
    tag.BYTES: lambda r, depth: bytes(r.data(r.count())),
    tag.BYTEARRAY: lambda r, depth: bytearray(r.data(r.count())),
    tag.LIST: _list,
    tag.TUPLE: lambda r, depth: tuple(_list(r, depth)),
    tag.SET: lambda r, depth: set(_list(r, depth)),
    tag.FROZENSET: lambda r, depth: frozenset(_list(r, depth)),
    tag.DICT: _dict,
    tag.INTS: _array("q"),
    tag.FLOATS: _array("d"),
    tag.NAME: _name,
    tag.AGAIN: lambda r, depth: r.again(),
    tag.DATETIME: _datetime,
    tag.DATE: _date,
    tag.TIME: _time,
    tag.TIMEDELTA: lambda r, depth: datetime.timedelta(*r.numbers(_TIMEDELTA)),
    tag.OFFSET: _offset,
    tag.ZONE: _zone,
    tag.DECIMAL: lambda r, depth: decimal.Decimal(r.name()),
    tag.UUID: lambda r, depth: uuid.UUID(bytes=bytes(r.data(16))),
    tag.ENUM: _enum,
    tag.SHAPE: lambda r, depth: r.made(r.shape(), depth),
    tag.OBJECT: lambda r, depth: r.made(r.count(), depth),
    tag.BLOB: _blob,
    **{number: _library(name) for name, (number, _) in library.HOUSES.items()},
}.items():
    _READERS[_tag] = _read
