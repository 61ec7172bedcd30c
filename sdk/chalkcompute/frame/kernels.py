"""What the functions of `F`, and the methods of expressions, make of operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chalkcompute.frame.datatype import common, family
from chalkcompute.frame.operand import MOMENT, NUMBER, Operand, Unfit, call, in_one_zone, united
from chalkcompute.frame.operator import OPERATORS, Make

__all__ = ["applied"]

#: What functions take, and what an operand is that is nothing but null.
_TAKES: dict[str, tuple[tuple[str, ...], pa.DataType]] = {
    "a boolean": (("boolean",), pa.bool_()),
    "a string": (("string",), pa.string()),
    "a number": (NUMBER, pa.float64()),
    "a number or duration": ((*NUMBER, "duration"), pa.float64()),
    "a date or timestamp": (("date", "timestamp"), pa.timestamp("us")),
    "a timestamp or time": (("date", "timestamp", "time"), pa.timestamp("us")),
    "a duration": (("duration",), pa.duration("us")),
    "a list of strings": (("list",), pa.list_(pa.string())),
    "a string, bytes or list": (("string", "binary", "list"), pa.string()),
}
#: Units of a duration in a second.
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def applied(
    function: str, operands: Sequence[Operand], options: Mapping[str, Any]
) -> pc.Expression:
    """Return what a function or operator makes of operands.

    Raises Unfit where it does not take them, or whatever Arrow raises.
    """
    if function in OPERATORS:
        return OPERATORS[function](operands, options)
    if function in _GENERAL:
        return _GENERAL[function]([each.plain() for each in operands], options)
    takes, make = _TYPED[function]
    return make([_taken(takes, each.plain()) for each in operands], options)


def _taken(takes: str, operand: Operand) -> Operand:
    """Return an operand if it is what a function takes, else raise Unfit."""
    families, empty = _TAKES[takes]
    if operand.family == "null":
        return operand.to(empty)
    if operand.family not in families:
        raise Unfit(f"takes {takes}, not {operand.type}; .cast(...) it")
    return operand


def _simple(function: str, **named: Any) -> Make:
    """Return what applies one function of Arrow's.

    `named` says for arguments of it which option they are, or what they always are.
    """

    def make(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
        arguments = {theirs: options.get(ours, ours) for theirs, ours in named.items()}
        return call(function, *operands, **arguments)

    return make


def _regexp(function: str, **named: Any) -> Make:
    """Return what applies a function that has a pattern, once the pattern is seen to be one."""
    simple = _simple(function, **named)

    def make(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
        pc.match_substring_regex(pa.array([""]), pattern=options["pattern"])
        return simple(operands, options)

    return make


def _whole(function: str) -> Make:
    """Return what rounds; whole numbers are as they are."""
    return lambda operands, _: (
        operands[0].expression if operands[0].family == "integer" else call(function, *operands)
    )


def _double(function: str) -> Make:
    """Return what computes of a double."""
    return lambda operands, _: call(function, operands[0].to(pa.float64()))


def _part(function: str) -> Make:
    """Return what reads hours and less; a date begins at midnight."""

    def make(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
        (moment,) = operands
        return call(function, moment.to(pa.timestamp("s")) if moment.family == "date" else moment)

    return make


def _one_of(function: str) -> Make:
    """Return what takes one of several values."""

    def make(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
        values = united(operands)
        if pa.types.is_null(values[0].type):
            return values[0].expression
        return call(function, *values)

    return make


def _case(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    paired = len(operands) // 2 * 2
    conditions = [_taken("a boolean", each) for each in operands[:paired:2]]
    values = united([*operands[1:paired:2], *operands[paired:]])
    if pa.types.is_null(values[0].type):
        return values[0].expression
    return call("case_when", call("make_struct", *conditions), *values)


def _is_in(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    (operand,) = operands
    try:
        values: Any = pa.array(options["values"])
    except (pa.ArrowException, OverflowError) as error:
        raise Unfit(f"the values have no type in common: {error}") from error
    dates = family(values.type) == "string" and operand.family in MOMENT
    kinds = {operand.family, family(values.type)} - {"null"}
    if len(kinds) > 1 and not (dates or kinds <= set(NUMBER) or kinds <= set(MOMENT)):
        raise Unfit(f"compares {operand.type} with {values.type}; .cast(...) it")
    in_one_zone([operand.type, values.type])
    if (operand.family, family(values.type)) == ("date", "timestamp"):
        operand = operand.to(values.type)
    try:
        values = _cast(values, operand.type)
    except pa.ArrowException as error:
        target = None if dates else common([operand.type, values.type])
        if target is None:
            raise Unfit(f"the values are no {operand.type}: {error}") from error
        operand, values = operand.to(target), _cast(values, target)
    return call("is_in", operand, value_set=values)


def _cast(values: Any, target: Any) -> Any:
    """Return an array as another type; Arrow would refuse integers as most decimals."""
    if pa.types.is_integer(values.type) and pa.types.is_decimal(target):
        values = pa.array([None if each is None else Decimal(each) for each in values.to_pylist()])
    return values.cast(target)


def _array_join(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    return call("binary_join", *operands, pc.scalar(options["delimiter"]))


def _length(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    (operand,) = operands
    measure = {"string": "utf8_length", "binary": "binary_length", "list": "list_value_length"}
    return call(measure[operand.family], operand).cast(pa.int64())


def _slice(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    (operand,) = operands
    start, stop, step = (options[name] for name in ("start", "stop", "step"))
    start, step = start or 0, 1 if step is None else step
    if step < 1:
        raise Unfit(f"a slice goes forward: its step is at least 1, not {step}")
    if operand.family == "list":
        if start < 0 or (stop or 0) < 0:
            raise Unfit("a slice of a list counts from its start: no bound may be negative")
        bounds = {"start": start, "stop": stop, "step": step}
        return call("list_slice", operand, **bounds, return_fixed_size_list=False)
    cut = "binary_slice" if operand.family == "binary" else "utf8_slice_codeunits"
    return call(cut, operand, start=start, stop=stop, step=step)


def _parse_datetime(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    (operand,) = operands
    if options["format"] is None:
        return operand.expression.cast(pa.timestamp("us"))
    return call("strptime", operand, format=options["format"], unit="us")


def _format_datetime(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    (moment,) = operands
    if moment.family == "timestamp" and moment.type.unit != "s":
        # %S of Arrow's has the fractions too.
        seconds = Operand(call("floor_temporal", moment, unit="second"), moment.type)
        moment = seconds.to(pa.timestamp("s", moment.type.tz))
    return call("strftime", moment, format=options["format"])


def _total_seconds(operands: Sequence[Operand], _: Mapping[str, Any]) -> pc.Expression:
    (duration,) = operands
    per_second = pa.scalar(float(_PER_SECOND[duration.type.unit]))
    units = duration.to(pa.int64()).to(pa.float64())
    return call("divide", units, Operand.constant(per_second))


def _log(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    number = operands[0].to(pa.float64())
    if options["base"] is None:
        return call("ln", number)
    return call("logb", number, Operand.constant(pa.scalar(float(options["base"]))))


def _struct(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    return call("make_struct", *operands, field_names=list(options["names"]))


def _regexp_extract(operands: Sequence[Operand], options: Mapping[str, Any]) -> pc.Expression:
    pattern, group = options["pattern"], options["group"]
    grouped, count = _grouped(pattern)
    if not 0 <= group <= count:
        raise Unfit(f"the pattern has {count} groups, and no group {group}")
    matched = call("extract_regex", *operands, pattern=grouped)
    return call("struct_field", matched, indices=[group])


def _grouped(pattern: str) -> tuple[str, int]:
    """Return a pattern with each group named by its number, and their number.

    One more group stands around it all. Arrow gives the text of named groups alone.
    """
    parts: list[str] = []
    position, in_class, count = 0, False, 0
    while position < len(pattern):
        each, rest = pattern[position], pattern[position + 1 :]
        taken = 2 if each == "\\" else 1
        if each == "(" and not in_class and (not rest.startswith("?") or _is_named(rest)):
            count += 1
            parts.append(f"(?P<group{count}>")
            taken += rest.index(">") + 1 if rest.startswith("?") else 0
        else:
            in_class = each == "[" or (in_class and each != "]")
            parts.append(pattern[position : position + taken])
        position += taken
    return f"(?P<group0>{''.join(parts)})", count


def _is_named(rest: str) -> bool:
    """Tell whether what follows a parenthesis begins a group with a name."""
    return rest.startswith(("?P<", "?<")) and not rest.startswith(("?<=", "?<!"))


#: Functions of operands of any type.
_GENERAL: dict[str, Make] = {
    "is_null": _simple("is_null"),
    "is_not_null": _simple("is_valid"),
    "is_in": _is_in,
    "coalesce": _one_of("coalesce"),
    "least": _one_of("min_element_wise"),
    "greatest": _one_of("max_element_wise"),
    "case": _case,
    "struct": _struct,
}
_STRING, _NUMBER, _DATE, _CLOCK = (
    "a string",
    "a number",
    "a date or timestamp",
    "a timestamp or time",
)
#: Functions whose operands are all of one kind.
_TYPED: dict[str, tuple[str, Make]] = {
    "lower": (_STRING, _simple("utf8_lower")),
    "upper": (_STRING, _simple("utf8_upper")),
    "trim": (_STRING, _simple("utf8_trim_whitespace")),
    "ltrim": (_STRING, _simple("utf8_ltrim_whitespace")),
    "rtrim": (_STRING, _simple("utf8_rtrim_whitespace")),
    "reverse": (_STRING, _simple("utf8_reverse")),
    "lpad": (_STRING, _simple("utf8_lpad", width="width", padding="padding")),
    "rpad": (_STRING, _simple("utf8_rpad", width="width", padding="padding")),
    "starts_with": (_STRING, _simple("starts_with", pattern="prefix")),
    "ends_with": (_STRING, _simple("ends_with", pattern="suffix")),
    "contains": (_STRING, _simple("match_substring", pattern="part")),
    "replace": (_STRING, _simple("replace_substring", pattern="old", replacement="new")),
    "split": (_STRING, _simple("split_pattern", pattern="delimiter")),
    "regexp_like": (_STRING, _regexp("match_substring_regex", pattern="pattern")),
    "regexp_extract": (_STRING, _regexp_extract),
    "regexp_replace": (
        _STRING,
        _regexp("replace_substring_regex", pattern="pattern", replacement="replacement"),
    ),
    "concat": (_STRING, OPERATORS["concat"]),
    "length": ("a string, bytes or list", _length),
    "slice": ("a string, bytes or list", _slice),
    "array_join": ("a list of strings", _array_join),
    "abs": ("a number or duration", _simple("abs_checked")),
    "sign": (_NUMBER, _simple("sign")),
    "ceil": (_NUMBER, _whole("ceil")),
    "floor": (_NUMBER, _whole("floor")),
    "round": (_NUMBER, _simple("round", ndigits="digits", round_mode="half_to_even")),
    "sqrt": (_NUMBER, _double("sqrt")),
    "log": (_NUMBER, _log),
    "is_nan": (_NUMBER, _double("is_nan")),
    "year": (_DATE, _simple("year")),
    "quarter": (_DATE, _simple("quarter")),
    "month": (_DATE, _simple("month")),
    "week": (_DATE, _simple("iso_week")),
    "day": (_DATE, _simple("day")),
    "day_of_year": (_DATE, _simple("day_of_year")),
    "day_of_week": (_DATE, _simple("day_of_week", count_from_zero=False, week_start=1)),
    "hour": (_CLOCK, _part("hour")),
    "minute": (_CLOCK, _part("minute")),
    "second": (_CLOCK, _part("second")),
    "date_trunc": (_DATE, _simple("floor_temporal", unit="unit")),
    "parse_datetime": (_STRING, _parse_datetime),
    "format_datetime": (_DATE, _format_datetime),
    "total_seconds": ("a duration", _total_seconds),
}
