"""The bytes by which a tagged value begins.

A value is a tag and what the tag says follows it. Lengths and counts are LEB128;
numbers are little-endian. Text of up to 64 bytes that is a key of a dict is written
once (NAME) and referred to after that (AGAIN), and so are classes with their fields
(SHAPE, then OBJECT). Arrays of numbers are written as they lie in memory.
"""

from __future__ import annotations

__all__ = [
    "AGAIN",
    "ARROW",
    "BIG",
    "BLOB",
    "BYTEARRAY",
    "BYTES",
    "COMPLEX",
    "DATE",
    "DATETIME",
    "DECIMAL",
    "DICT",
    "ENUM",
    "FALSE",
    "FLOAT",
    "FLOATS",
    "FROZENSET",
    "INT",
    "INTS",
    "LIST",
    "NAME",
    "NONE",
    "NUMPY",
    "OBJECT",
    "OFFSET",
    "PANDAS",
    "POLARS",
    "SET",
    "SHAPE",
    "SMALL",
    "SMALL_LEAST",
    "SMALL_MOST",
    "STR",
    "SURROGATES",
    "TIME",
    "TIMEDELTA",
    "TRUE",
    "TUPLE",
    "UUID",
    "ZONE",
]

NONE, FALSE, TRUE = 0, 1, 2
#: 8 bytes; BIG: count, then the bytes of a signed integer.
INT, BIG, FLOAT, COMPLEX = 3, 4, 5, 6
#: Length and UTF-8; SURROGATES: the same, with lone surrogates let through.
STR, SURROGATES, BYTES, BYTEARRAY = 7, 8, 9, 10
#: Count and values; of a dict key, value, key, value.
LIST, TUPLE, SET, FROZENSET, DICT = 11, 12, 13, 14, 15
#: A list of at least eight numbers of one type: count, padding to 8, 8 bytes each.
INTS, FLOATS = 16, 17
#: A key as text; the number of an earlier one.
NAME, AGAIN = 18, 19
#: year u16, month, day, hour, minute, second u8, microsecond u32, fold u8; then a zone.
DATETIME = 20
#: ordinal u32
DATE = 21
#: hour, minute, second u8, microsecond u32, fold u8; then a zone.
TIME = 22
#: days i32, seconds u32, microseconds u32
TIMEDELTA = 23
#: seconds i32, microseconds i32 and a name as a value: a fixed offset.
OFFSET = 24
#: The key of a time zone as a value.
ZONE = 25
#: Its text as a value; 16 bytes.
DECIMAL, UUID = 26, 27
#: Key of the class, then the name of the member, or a tuple of its value where it has none.
ENUM = 28
#: Key of the class, a tuple of names, then as for OBJECT; it gets the next number.
SHAPE = 29
#: Number of a shape, then as many values as it has names.
OBJECT = 30
#: Length, padding to 8, bytes: within what libraries' values are made of.
BLOB = 31
#: The parts of a value of numpy, pandas, polars or pyarrow, as one value.
NUMPY, PANDAS, POLARS, ARROW = 32, 33, 34, 35

#: A byte from here on is an integer itself: SMALL_LEAST to SMALL_MOST.
SMALL = 0x80
SMALL_LEAST, SMALL_MOST = -16, 111
