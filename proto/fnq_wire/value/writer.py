"""Python values to tagged bytes; see `fnq_wire.value.tag` for the form.

Only values whose type is in the table, or one of the families and libraries below,
are written: a subclass of a builtin would come back as the builtin, so it is refused.
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
from fnq_wire.refusal import Refusal, index_of, name_of
from fnq_wire.value import library, tag
from fnq_wire.value.library import Blob, Named, Parts
from fnq_wire.value.remedy import remedy_for
from fnq_wire.value.shape import take_apart

__all__ = ["MAX_DEPTH", "TOO_DEEP", "Writer"]

#: Levels of containers in a value.
MAX_DEPTH = 200
TOO_DEEP = f"it is nested deeper than {MAX_DEPTH} levels; flatten it"
#: Bytes from which data is referred to rather than copied.
_LARGE = 4096
#: Bytes of the longest key that is written once.
_NAME = 64
#: Items from which a list of numbers is written as an array.
_ARRAY = 8

_INT = struct.Struct("<Bq")
_FLOAT = struct.Struct("<Bd")
_COMPLEX = struct.Struct("<Bdd")
_DATETIME = struct.Struct("<BHBBBBBIB")
_DATE = struct.Struct("<BI")
_TIME = struct.Struct("<BBBBIB")
_TIMEDELTA = struct.Struct("<BiII")
_OFFSET = struct.Struct("<Bii")

_Write: TypeAlias = Callable[["Writer", Any, int], None]


class Writer:
    """Grow the bytes of one value."""

    __slots__ = ("_names", "_shapes", "_size", "classes", "out", "parts")

    def __init__(self, classes: Classes) -> None:
        self.classes = classes
        #: What is finished, and what grows.
        self.parts: list[bytes | bytearray | memoryview] = []
        self.out = bytearray()
        self._size = 0
        self._names: dict[str, int] = {}
        self._shapes: dict[tuple[type, tuple[str, ...]], int] = {}

    def write(self, value: Any, depth: int = 0) -> None:
        """Append a value; raises Refusal when it cannot travel."""
        _WRITERS.get(type(value), _other)(self, value, depth)

    def finish(self) -> list[bytes | bytearray | memoryview]:
        """Return the bytes, in pieces."""
        self.parts.append(self.out)
        return self.parts

    def count(self, number: int) -> None:
        """Append a length, a count or an index."""
        while number > 0x7F:
            self.out.append(number & 0x7F | 0x80)
            number >>= 7
        self.out.append(number)

    def data(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes as they are; they must not change before `finish`."""
        if len(data) < _LARGE:
            self.out += data
            return
        self.parts += (self.out, data)
        self._size += len(self.out) + len(data)
        self.out = bytearray()

    def align(self) -> None:
        """Pad to a multiple of 8."""
        self.out += bytes(-(self._size + len(self.out)) % 8)

    def name(self, text: str) -> None:
        """Append a key; the number it has from an earlier time, if there is one."""
        known = self._names.get(text)
        if known is not None:
            self.out.append(tag.AGAIN)
            self.count(known)
            return
        try:
            data = text.encode()
        except UnicodeEncodeError:
            data = bytes(_NAME + 1)
        if len(data) > _NAME:
            _str(self, text, 0)
            return
        self._names[text] = len(self._names)
        self.out.append(tag.NAME)
        self.out.append(len(data))
        self.out += data

    def shape(self, cls: type, key: str, names: tuple[str, ...]) -> None:
        """Append what begins an object of a class with these fields."""
        known = self._shapes.get((cls, names))
        if known is not None:
            self.out.append(tag.OBJECT)
            self.count(known)
            return
        self._shapes[cls, names] = len(self._shapes)
        self.out.append(tag.SHAPE)
        self.name(key)
        self.count(len(names))
        for name in names:
            self.name(name)


def _none(w: Writer, value: Any, depth: int) -> None:
    w.out.append(tag.NONE)


def _bool(w: Writer, value: Any, depth: int) -> None:
    w.out.append(tag.TRUE if value else tag.FALSE)


def _int(w: Writer, value: Any, depth: int) -> None:
    if tag.SMALL_LEAST <= value <= tag.SMALL_MOST:
        w.out.append(tag.SMALL - tag.SMALL_LEAST + value)
        return
    try:
        w.out += _INT.pack(tag.INT, value)
    except struct.error:
        size = value.bit_length() // 8 + 1
        w.out.append(tag.BIG)
        w.count(size)
        w.data(value.to_bytes(size, "little", signed=True))


def _float(w: Writer, value: Any, depth: int) -> None:
    w.out += _FLOAT.pack(tag.FLOAT, value)


def _complex(w: Writer, value: Any, depth: int) -> None:
    w.out += _COMPLEX.pack(tag.COMPLEX, value.real, value.imag)


def _str(w: Writer, value: Any, depth: int) -> None:
    try:
        data, kind = value.encode(), tag.STR
    except UnicodeEncodeError:
        data, kind = value.encode("utf-8", "surrogatepass"), tag.SURROGATES
    w.out.append(kind)
    w.count(len(data))
    w.data(data)


def _bytes(w: Writer, value: Any, depth: int) -> None:
    w.out.append(tag.BYTES)
    w.count(len(value))
    w.data(value)


def _bytearray(w: Writer, value: Any, depth: int) -> None:
    w.out.append(tag.BYTEARRAY)
    w.count(len(value))
    w.data(memoryview(value))


def _datetime(w: Writer, value: Any, depth: int) -> None:
    v = value
    clock = (v.hour, v.minute, v.second, v.microsecond, v.fold)
    w.out += _DATETIME.pack(tag.DATETIME, v.year, v.month, v.day, *clock)
    w.write(v.tzinfo, depth)


def _date(w: Writer, value: Any, depth: int) -> None:
    w.out += _DATE.pack(tag.DATE, value.toordinal())


def _time(w: Writer, value: Any, depth: int) -> None:
    v = value
    w.out += _TIME.pack(tag.TIME, v.hour, v.minute, v.second, v.microsecond, v.fold)
    w.write(v.tzinfo, depth)


def _timedelta(w: Writer, value: Any, depth: int) -> None:
    w.out += _TIMEDELTA.pack(tag.TIMEDELTA, value.days, value.seconds, value.microseconds)


def _offset(w: Writer, value: Any, depth: int) -> None:
    delta, *name = value.__getinitargs__()
    w.out += _OFFSET.pack(tag.OFFSET, delta.days * 86_400 + delta.seconds, delta.microseconds)
    w.write(name[0] if name else None)


def _zone(w: Writer, value: Any, depth: int) -> None:
    if value.key is None:
        raise Refusal("the time zone has no key; make it by ZoneInfo(key)")
    w.out.append(tag.ZONE)
    w.name(value.key)


def _decimal(w: Writer, value: Any, depth: int) -> None:
    w.out.append(tag.DECIMAL)
    _str(w, str(value), depth)


def _uuid(w: Writer, value: Any, depth: int) -> None:
    w.out.append(tag.UUID)
    w.out += value.bytes


def _dict(w: Writer, value: Any, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Refusal(TOO_DEEP)
    pairs = list(value.items())
    w.out.append(tag.DICT)
    w.count(len(pairs))
    key: Any = None
    try:
        for key, item in pairs:
            if type(key) is str:
                w.name(key)
            else:
                _WRITERS.get(type(key), _other)(w, key, depth + 1)
            _WRITERS.get(type(item), _other)(w, item, depth + 1)
    except Refusal as refusal:
        refusal.at(key)
        raise


def _sequence(kind: int) -> _Write:
    """Return what writes containers of one type."""

    def write(w: Writer, value: Any, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise Refusal(TOO_DEEP)
        items = list(value)
        if kind == tag.LIST and len(items) >= _ARRAY and _numbers(w, items):
            return
        w.out.append(kind)
        w.count(len(items))
        item: Any = None
        try:
            for item in items:
                _WRITERS.get(type(item), _other)(w, item, depth + 1)
        except Refusal as refusal:
            step = index_of(items, item) if kind in (tag.LIST, tag.TUPLE) else item
            refusal.at(step)
            raise

    return write


def _numbers(w: Writer, items: list[Any]) -> bool:
    """Append a list of numbers of one type as an array; return whether it is one."""
    kinds = set(map(type, items))
    if kinds == {float}:
        kind, code = tag.FLOATS, "d"
    elif kinds == {int}:
        kind, code = tag.INTS, "q"
    else:
        return False
    try:
        data = struct.pack(f"<{len(items)}{code}", *items)
    except struct.error:
        return False
    w.out.append(kind)
    w.count(len(items))
    w.align()
    w.data(data)
    return True


def _blob(w: Writer, value: Blob, depth: int) -> None:
    w.out.append(tag.BLOB)
    w.count(sum(map(len, value.views)))
    w.align()
    for view in value.views:
        w.data(view)


def _parts(w: Writer, value: Parts, depth: int) -> None:
    w.out.append(tag.TUPLE)
    w.count(len(value))
    for part in value:
        w.write(part, depth + 1)


def _named(w: Writer, value: Named, depth: int) -> None:
    try:
        w.write(value.value, depth)
    except Refusal as refusal:
        refusal.at(value.name)
        raise


def _other(w: Writer, value: Any, depth: int) -> None:
    """Append a value of a class of the user's, or of a library."""
    cls = type(value)
    family = family_of(cls)
    if family is None:
        return _foreign(w, value, depth)
    key = w.classes.key_of(cls)
    if key is None:
        raise Refusal(
            f"the {family.value} {name_of(cls)} is in no annotation of the function, so the other"
            " end could not make it again; annotate the parameter or the return with it"
        )
    if depth >= MAX_DEPTH:
        raise Refusal(TOO_DEEP)
    if family is Family.ENUM:
        return _member(w, value, key, depth)
    names, values = take_apart(value, family)
    w.shape(cls, key, names)
    item: Any = None
    try:
        for item in values:
            _WRITERS.get(type(item), _other)(w, item, depth + 1)
    except Refusal as refusal:
        refusal.of(names[index_of(values, item)])
        raise
    return None


def _member(w: Writer, value: Any, key: str, depth: int) -> None:
    """Append a member of an Enum by its name, a combination of flags by its value."""
    w.out.append(tag.ENUM)
    w.name(key)
    if type(value).__members__.get(value.name) is value:
        w.name(value.name)
    else:
        w.write((value.value,), depth + 1)


def _foreign(w: Writer, value: Any, depth: int) -> None:
    """Append a value of a library; raises Refusal when it is of no type that travels."""
    found = library.take_apart(value)
    if found is None:
        raise Refusal(remedy_for(value))
    w.out.append(found[0])
    w.write(found[1], depth + 1)


_WRITERS: dict[type, _Write] = {
    type(None): _none,
    bool: _bool,
    int: _int,
    float: _float,
    complex: _complex,
    str: _str,
    bytes: _bytes,
    bytearray: _bytearray,
    datetime.datetime: _datetime,
    datetime.date: _date,
    datetime.time: _time,
    datetime.timedelta: _timedelta,
    datetime.timezone: _offset,
    zoneinfo.ZoneInfo: _zone,
    decimal.Decimal: _decimal,
    uuid.UUID: _uuid,
    list: _sequence(tag.LIST),
    tuple: _sequence(tag.TUPLE),
    set: _sequence(tag.SET),
    frozenset: _sequence(tag.FROZENSET),
    dict: _dict,
    Blob: _blob,
    Parts: _parts,
    Named: _named,
}
