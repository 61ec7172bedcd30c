"""What Python's operators make of operands: arithmetic, comparison, and, or, not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from chalkcompute.frame.operand import (
    MOMENT,
    NUMBER,
    Operand,
    Unfit,
    call,
    in_one_zone,
    numbers,
    united,
)

__all__ = ["OPERATORS", "Make"]

Make: TypeAlias = Callable[[Sequence[Operand], Mapping[str, Any]], pc.Expression]
_TEMPORAL = (*MOMENT, "time", "duration")


def _add(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    families = {each.plain().family for each in operands}
    if "string" in families and families <= {"string", "null"}:
        return _joined(operands, {})
    return _checked("add_checked", operands)


def _joined(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    strings = united(operands)
    nothing = Operand.constant(pa.scalar("", strings[0].type))
    return call("binary_join_element_wise", *strings, nothing)


def _subtract(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    if {each.family for each in operands} <= {*MOMENT, "string"}:
        operands = _comparable(operands)
    return _checked("subtract_checked", operands)


def _multiply(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    return _checked("multiply_checked", operands)


def _checked(function: str, operands: Sequence[Operand]) -> pc.Expression:
    """Return a sum, difference or product; of numbers, or of times and durations."""
    temporal = [each for each in operands if each.family in _TEMPORAL]
    if not temporal:
        return call(function, *numbers(operands))
    if function != "multiply_checked" and any(each.family in NUMBER for each in operands):
        types = " and ".join(str(each.type) for each in operands)
        raise Unfit(f"takes no {types}; a number of seconds is datetime.timedelta(seconds=...)")
    empty = pa.duration("us") if temporal[0].family in MOMENT else temporal[0].type
    return call(function, *(each.to(empty) if each.family == "null" else each for each in operands))


def _divide(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    return call("divide", *_doubles(operands))


def _floor_divide(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    if [each.family for each in operands] == ["duration", "integer"]:
        duration, divisor = operands
        whole = _floor_divide([duration.to(pa.int64()), divisor], options)
        return whole.cast(duration.type)
    left, right = _integers_or_doubles(operands)
    if left.family == "float":
        return call("floor", call("divide", left, right))
    quotient, rest = _truncated(left, right)
    one, zero = (Operand.constant(pa.scalar(each, left.type)) for each in (1, 0))
    return call("subtract", quotient, call("if_else", _signs_differ(rest, right), one, zero))


def _modulo(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    left, right = _integers_or_doubles(operands)
    if left.family == "float":
        quotient = call("floor", call("divide", left, right))
        return call("subtract", left, call("multiply", quotient, right))
    rest = _truncated(left, right)[1]
    return call("if_else", _signs_differ(rest, right), call("add", rest, right), rest)


def _truncated(left: Operand, right: Operand) -> tuple[pc.Expression, pc.Expression]:
    """Return quotient and rest of whole numbers, the rest with the sign of `left`."""
    quotient = call("divide_checked", left, right)
    return quotient, call("subtract", left, call("multiply", quotient, right))


def _signs_differ(rest: pc.Expression, right: Operand) -> pc.Expression:
    """Tell where a rest is not 0 and has another sign than the divisor."""
    zero = Operand.constant(pa.scalar(0, right.type))
    differ = call("xor", call("less", rest, zero), call("less", right, zero))
    return call("and_kleene", call("not_equal", rest, zero), differ)


def _power(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    left, right = _integers_or_doubles(operands)
    exponent = None if right.scalar is None else right.scalar.as_py()
    if left.family == "float" or (exponent is not None and exponent < 0):
        return call("power", *_doubles(operands))
    return call("power_checked", left, right)


def _negate(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    (operand,) = operands if operands[0].family == "duration" else numbers(operands)
    if pa.types.is_unsigned_integer(operand.type):
        operand = operand.to(pa.int64())
    return call("negate_checked", operand)


def _doubles(operands: Sequence[Operand]) -> list[Operand]:
    """Return numbers as doubles."""
    return [each.to(pa.float64()) for each in numbers(operands)]


def _integers_or_doubles(operands: Sequence[Operand]) -> list[Operand]:
    """Return numbers as they are where all are whole, otherwise as doubles."""
    found = numbers(operands)
    if all(each.family == "integer" for each in found):
        return found
    return [each.to(pa.float64()) for each in found]


def _comparison(function: str) -> Make:
    return lambda operands, _: call(function, *_comparable(operands))


def _comparable(operands: Sequence[Operand]) -> list[Operand]:
    """Return two operands in one type. A constant string that stands by a time is one."""
    operands = [each.plain() for each in operands]
    known = {each.family for each in operands} - {"null"}
    types = " with ".join(str(each.type) for each in operands)
    if len(known) > 1 and not (known <= set(NUMBER) or known <= set(MOMENT)):
        read = any(each.family == "string" and each.scalar is not None for each in operands)
        if not read or not known <= {"string", *MOMENT}:
            raise Unfit(f"compares {types}; .cast(...) one of them")
    in_one_zone([each.type for each in operands])
    if all(each.family == "timestamp" for each in operands):
        return operands
    return united(operands)


def _logic(function: str) -> Make:
    def make(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
        for each in operands:
            if each.family not in ("boolean", "null"):
                hint = "comparisons stand in parentheses: (_.a > 1) & (_.b < 2)"
                raise Unfit(f"takes booleans, not {each.type}; {hint}")
        return call(function, *(each.to(pa.bool_()) for each in operands))

    return make


#: What each operator is made with, and `concat`.
OPERATORS: dict[str, Make] = {
    "add": _add,
    "concat": _joined,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "power": _power,
    "negate": _negate,
    "equal": _comparison("equal"),
    "not_equal": _comparison("not_equal"),
    "less": _comparison("less"),
    "less_equal": _comparison("less_equal"),
    "greater": _comparison("greater"),
    "greater_equal": _comparison("greater_equal"),
    "and": _logic("and_kleene"),
    "or": _logic("or_kleene"),
    "xor": _logic("xor"),
    "not": _logic("invert"),
}
