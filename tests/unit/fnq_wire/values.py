"""Classes of a user's whose values travel."""

from __future__ import annotations

import datetime
import enum
import uuid
import zoneinfo
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pydantic

__all__ = [
    "Anyone",
    "BERLIN",
    "CLASSES",
    "Color",
    "Model",
    "Named",
    "Pair",
    "Point",
    "Reading",
    "Rights",
    "Sealed",
    "Size",
    "Slotted",
    "Spot",
]


class Color(enum.Enum):
    """Have members of several types."""

    RED = 1
    GREEN = "g"
    BLUE = (1, 2)


class Size(enum.IntEnum):
    """Have members that are ints."""

    S = 1
    L = 2


class Rights(enum.Flag):
    """Have members that can be combined."""

    READ = 1
    WRITE = 2
    RUN = 4


@dataclass
class Point:
    """Have fields, one of them made by the class."""

    x: Any
    y: Any = None
    made: Any = field(init=False, default=0)


@dataclass(frozen=True)
class Sealed:
    """Refuse assignment, and be a key."""

    name: str
    value: Any


@dataclass(slots=True)
class Slotted:
    """Have no dict."""

    a: int
    b: str = ""


class Pair(NamedTuple):
    """Be a tuple with names."""

    left: Any
    right: Any = None


class Model(pydantic.BaseModel):
    """Be a pydantic model with an alias, a default and a private attribute."""

    model_config = pydantic.ConfigDict(extra="allow")

    x: Any
    number: int = pydantic.Field(default=3, alias="n")
    _secret: int = pydantic.PrivateAttr(default=5)


class Named(pydantic.BaseModel):
    """Be a pydantic model with checked fields."""

    name: str
    when: datetime.datetime | None = None


@dataclass
class Reading:
    """Have a field of each type that has a column of its own."""

    flag: bool
    count: int
    level: float
    name: str
    data: bytes
    moment: datetime.datetime
    day: datetime.date
    clock: datetime.time
    span: datetime.timedelta
    key: uuid.UUID
    color: Color
    size: Size


class Spot(NamedTuple):
    """Be a tuple whose places have types."""

    level: float
    label: str | None = None


CLASSES = (Color, Size, Rights, Point, Sealed, Slotted, Pair, Model, Named)

#: An annotation that reaches them all, and says nothing else.
Anyone = Color | Size | Rights | Point | Sealed | Slotted | Pair | Model | Named | Any

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
