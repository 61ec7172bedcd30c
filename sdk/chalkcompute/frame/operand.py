"""Operands: what a function computes of, with its type; and how several come to one type."""

from __future__ import annotations

import decimal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalkcompute.frame.datatype import common, family, plain

__all__ = ["MOMENT", "NUMBER", "Operand", "Unfit", "call", "in_one_zone", "numbers", "united"]

#: Families of values that a constant of one may become without a word.
_BECOMES = {
    "boolean": ("boolean",),
    "integer": ("integer", "float", "decimal"),
    "decimal": ("decimal", "float"),
    "float": ("float",),
    "string": ("string", "date", "timestamp"),
    "binary": ("binary",),
    "date": ("date", "timestamp"),
    "timestamp": ("timestamp",),
    "time": ("time",),
    "duration": ("duration",),
    "list": ("list",),
    "struct": ("struct",),
}
#: Digits of any 64-bit integer, signed and unsigned.
_DIGITS, _UNSIGNED_DIGITS = 19, 20
#: Digits that a decimal128 may have.
_MOST_DIGITS = 38
#: Families of numbers.
NUMBER = ("integer", "float", "decimal")
#: Families of days and times on a calendar.
MOMENT = ("date", "timestamp")


class Unfit(Exception):  # noqa: N818 - no error yet: whoever knows the expression makes one of it
    """Says what does not fit, without the expression."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression of Arrow's with its type; a constant has its `scalar` too."""

    expression: pc.Expression
    #: A pa.DataType, whose stubs know no units and zones.
    type: Any
    scalar: pa.Scalar[Any] | None = None

    @classmethod
    def constant(cls, scalar: pa.Scalar[Any]) -> Operand:
        """Return the operand that is the same for all rows."""
        expression = pc.scalar(scalar)  # type: ignore[arg-type] # the stubs know no typed ones
        return cls(expression, scalar.type, scalar)

    @property
    def family(self) -> str:
        """What kind of type it has."""
        return family(self.type)

    def plain(self) -> Operand:
        """Return it in the type that Arrow computes in."""
        return self.to(plain(self.type))

    def to(self, data_type: Any) -> Operand:
        """Return it as another type. A number becomes the nearest floating one, all else exact."""
        if self.type == data_type:
            return self
        through = self.family == "integer" and pa.types.is_decimal(data_type)
        if through and data_type.precision < _UNSIGNED_DIGITS + data_type.scale <= _MOST_DIGITS:
            # Arrow would refuse all integers where some could have too many digits.
            wide = self.to(pa.decimal128(_UNSIGNED_DIGITS + data_type.scale, data_type.scale))
            return wide.to(data_type)
        if self.scalar is not None:
            return Operand.constant(self.scalar.cast(data_type))
        # Arrow would refuse integers over 2**53 as doubles.
        safe = not pa.types.is_floating(data_type)
        return Operand(self.expression.cast(data_type, safe=safe), data_type)


def call(function: str, *of: Operand | pc.Expression, **options: Any) -> pc.Expression:
    """Return what a function of Arrow's makes of operands."""
    plain_of = (each.expression if isinstance(each, Operand) else each for each in of)
    made: pc.Expression = getattr(pc, function)(*plain_of, **options)
    return made


def united(operands: Sequence[Operand]) -> list[Operand]:
    """Return operands in the one type that all of them can have.

    Constants take the type of the columns where they fit. Raises Unfit where there is none.
    """
    operands = [each.plain() for each in operands]
    in_one_zone([each.type for each in operands])
    types = [each.type for each in operands if each.scalar is None]
    target = common(types) if types else None
    constants = [each.scalar for each in operands if each.scalar is not None]
    if target is None or not all(_fits(each, target) for each in constants):
        target = common(each.type for each in operands)
    if target is None:
        raise Unfit(f"{_listed(operands)} have no type in common; .cast(...) one of them")
    return [each.to(target) for each in operands]


def in_one_zone(types: Sequence[Any]) -> None:
    """Raise Unfit where some times have a zone and others, or dates, have none."""
    moments = [each for each in types if family(each) in MOMENT]
    if len({getattr(each, "tz", None) is None for each in moments}) > 1:
        listed = " and ".join(dict.fromkeys(map(str, moments)))
        raise Unfit(
            f'of {listed} one has no time zone: .cast("timestamp[us, tz=...]") gives it one, '
            "and tzinfo= a constant"
        )


def _fits(constant: pa.Scalar[Any], target: Any) -> bool:
    """Tell whether a constant means the same as a value of `target`."""
    if pa.types.is_null(constant.type):
        return True
    if family(target) not in _BECOMES.get(family(constant.type), ()):
        return False
    try:
        Operand.constant(constant).to(target)
    except pa.ArrowException as error:
        if pa.types.is_temporal(target):
            zoned = pa.types.is_timestamp(target) and target.tz is not None
            hint = '; its zone stands behind it: "2024-01-31T00:00:00Z"' if zoned else ""
            raise Unfit(f"{constant.as_py()!r} is no {target}{hint}") from error
        return False
    return True


def numbers(operands: Sequence[Operand]) -> list[Operand]:
    """Return numbers as arithmetic takes them: of one type, or all decimals.

    Raises Unfit where one is no number.
    """
    operands = [each.plain() for each in operands]
    families = {each.family for each in operands}
    if not families <= {*NUMBER, "null"}:
        raise Unfit(f"takes numbers, not {_listed(operands)}; .cast(...) what is none")
    if "decimal" not in families or "float" in families:
        return [
            each.to(pa.float64()) if each.family == "null" else each for each in united(operands)
        ]
    return [_decimal(each) for each in operands]


def _decimal(operand: Operand) -> Operand:
    """Return an integer, or a decimal, as a decimal of as many digits as it may have."""
    if operand.family == "decimal":
        return operand
    if operand.scalar is not None and operand.family == "integer":
        return Operand.constant(pa.scalar(decimal.Decimal(operand.scalar.as_py())))
    digits = _UNSIGNED_DIGITS if operand.type == pa.uint64() else _DIGITS
    return operand.to(pa.decimal128(digits, 0))


def _listed(operands: Sequence[Operand]) -> str:
    """Return the types of operands as a text, each once."""
    types = list(dict.fromkeys(str(each.type) for each in operands))
    return " and ".join(types)
