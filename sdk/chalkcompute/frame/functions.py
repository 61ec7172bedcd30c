"""`F`: the functions of expressions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from chalkcompute.frame.expression import Expression, node_of
from chalkcompute.frame.near import near
from chalkcompute.frame.node import Apply, CatalogCall, Literal
from chalkcompute.frame.written import shown

if TYPE_CHECKING:
    from chalkcompute.function import RemoteFunction

__all__ = ["Case", "F", "Functions", "When"]

_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")


class When:
    """A condition that waits for its value: `F.when(condition)`."""

    __slots__ = ("_parts",)

    UNFINISHED = "has no value yet: .then(value) gives it one"

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self._parts = parts

    def then(self, value: object) -> Case:
        """Return the expression that is `value` where the condition is true."""
        return Case(Apply("case", (*self._parts, node_of(value))))

    def otherwise(self, value: object) -> NoReturn:
        """Raise TypeError: `then` comes first."""
        raise TypeError(f"{self!r} {self.UNFINISHED}, before .otherwise({shown(value)})")

    def __repr__(self) -> str:
        whole = Apply("case", (*self._parts, Literal(0)))
        return repr(Expression(whole)).removesuffix(".then(0)")


class Case(Expression):
    """Values by conditions: the first that is true decides; null where none is.

    A condition that is null is not true.
    """

    __slots__ = ()

    def when(self, condition: object) -> When:
        """Return one more condition, asked where none before is true."""
        return When((*self._node.of, node_of(condition)))

    def otherwise(self, value: object) -> Expression:
        """Return the expression that is `value` where no condition is true."""
        return Expression(Apply("case", (*self._node.of, node_of(value))))


class Functions:
    """Functions of expressions, each computed by Arrow in the scan, and `catalog_call`.

    Operands are expressions or constants; patterns, formats, widths and the like are
    constants. What is null stays null, unless said otherwise. An operand of a type that a
    function does not take is an ExpressionError once the expression meets a frame.
    """

    __slots__ = ()

    def catalog_call(
        self, function: str | RemoteFunction[..., Any, Any], /, *args: object, **kwargs: object
    ) -> Expression:
        """Call a deployed function with each row.

        `function` is its name, or a function decorated with `@chalkcompute.function`; a
        name that this process decorates is that one. Arguments are expressions or constants,
        by position and by name; a null is passed as None. The type is that of the function's
        result; a generator gives a list of what it yields. Raises TypeError for what cannot
        be a function or an argument.
        """
        from chalkcompute.function import RemoteFunction

        if not isinstance(function, str | RemoteFunction):
            raise TypeError(
                "F.catalog_call takes the name of a deployed function, or one that is decorated "
                f"with @chalkcompute.function, not {shown(function)}"
            )
        named = {name: node_of(value) for name, value in kwargs.items()}
        return Expression(CatalogCall(function, tuple(map(node_of, args)), named))

    def lit(self, value: object, type: object = None) -> Expression:  # noqa: A002 - as in pyarrow
        """Return a constant as an expression, as a type if one is given (see `Expression.cast`)."""
        constant = Expression(node_of(value))
        return constant if type is None else constant.cast(type)

    def cast(self, value: object, type: object) -> Expression:  # noqa: A002 - as in pyarrow
        """Return a value as another type; see `Expression.cast`."""
        return Expression(node_of(value)).cast(type)

    def coalesce(self, *values: object) -> Expression:
        """Return the first of several values that is not null; null where all are."""
        return _of("coalesce", *_some("coalesce", values))

    def least(self, *values: object) -> Expression:
        """Return the least of several values; nulls are left out, null where all are."""
        return _of("least", *_some("least", values))

    def greatest(self, *values: object) -> Expression:
        """Return the greatest of several values; nulls are left out, null where all are."""
        return _of("greatest", *_some("greatest", values))

    def is_null(self, value: object) -> Expression:
        """Tell whether it is null; itself never null."""
        return _of("is_null", value)

    def is_not_null(self, value: object) -> Expression:
        """Tell whether it has a value; itself never null."""
        return _of("is_not_null", value)

    def when(self, condition: object) -> When:
        """Begin `F.when(condition).then(value)`; more conditions and `otherwise` may follow."""
        return When((node_of(condition),))

    def if_else(self, condition: object, value: object, otherwise: object) -> Expression:
        """Return `value` where `condition` is true, `otherwise` where it is false or null."""
        return self.when(condition).then(value).otherwise(otherwise)

    def struct(self, **members: object) -> Expression:
        """Return a struct of members; itself never null."""
        names = tuple(_some("struct", tuple(members)))
        return _of("struct", *members.values(), names=names)

    def lower(self, string: object) -> Expression:
        """Return a string in lower case."""
        return _of("lower", string)

    def upper(self, string: object) -> Expression:
        """Return a string in upper case."""
        return _of("upper", string)

    def trim(self, string: object) -> Expression:
        """Return a string without white space at both ends."""
        return _of("trim", string)

    def ltrim(self, string: object) -> Expression:
        """Return a string without white space at its start."""
        return _of("ltrim", string)

    def rtrim(self, string: object) -> Expression:
        """Return a string without white space at its end."""
        return _of("rtrim", string)

    def reverse(self, string: object) -> Expression:
        """Return a string from its last character to its first."""
        return _of("reverse", string)

    def lpad(self, string: object, width: int, padding: str = " ") -> Expression:
        """Return a string with a character put before it up to `width` characters."""
        return _of("lpad", string, **_padded("lpad", width, padding))

    def rpad(self, string: object, width: int, padding: str = " ") -> Expression:
        """Return a string with a character put after it up to `width` characters."""
        return _of("rpad", string, **_padded("rpad", width, padding))

    def starts_with(self, string: object, prefix: str) -> Expression:
        """Tell whether a string starts with another one."""
        return _of("starts_with", string, prefix=_text("starts_with", "prefix", prefix))

    def ends_with(self, string: object, suffix: str) -> Expression:
        """Tell whether a string ends with another one."""
        return _of("ends_with", string, suffix=_text("ends_with", "suffix", suffix))

    def contains(self, string: object, part: str) -> Expression:
        """Tell whether another string stands somewhere in a string."""
        return _of("contains", string, part=_text("contains", "part", part))

    def length(self, value: object) -> Expression:
        """Count the characters of a string, the bytes of bytes, or the elements of a list."""
        return _of("length", value)

    def substr(self, string: object, start: int, length: int | None = None) -> Expression:
        """Return `length` characters from `start` on, or all; the first is 0, the last -1."""
        start = _count("substr", "start", start)
        stop: int | None = None
        if length is not None:
            stop = start + max(_count("substr", "length", length), 0)
            # Up to the end, for what counts from there.
            stop = None if start < 0 <= stop else stop
        return _of("slice", string, start=start, stop=stop, step=None)

    def replace(self, string: object, old: str, new: str) -> Expression:
        """Return a string with each `old` in it replaced."""
        old = _text("replace", "old", old)
        return _of("replace", string, old=old, new=_text("replace", "new", new))

    def split(self, string: object, delimiter: str) -> Expression:
        """Return the list of strings that a delimiter parts."""
        return _of("split", string, delimiter=_text("split", "delimiter", delimiter))

    def array_join(self, strings: object, delimiter: str) -> Expression:
        """Return the strings of a list as one; null where one of them is."""
        return _of("array_join", strings, delimiter=_text("array_join", "delimiter", delimiter))

    def concat(self, *strings: object) -> Expression:
        """Return strings one after the other; null where one of them is."""
        return _of("concat", *_some("concat", strings))

    def regexp_like(self, string: object, pattern: str) -> Expression:
        """Tell whether a regular expression (RE2's) matches somewhere in a string."""
        return _of("regexp_like", string, pattern=_text("regexp_like", "pattern", pattern))

    def regexp_extract(self, string: object, pattern: str, group: int = 0) -> Expression:
        """Return what a regular expression matches first, or a group of it; null where nothing."""
        pattern = _text("regexp_extract", "pattern", pattern)
        group = _count("regexp_extract", "group", group)
        return _of("regexp_extract", string, pattern=pattern, group=group)

    def regexp_replace(self, string: object, pattern: str, replacement: str) -> Expression:
        r"""Return a string with each match replaced; `\1` in `replacement` is the first group."""
        pattern = _text("regexp_replace", "pattern", pattern)
        replacement = _text("regexp_replace", "replacement", replacement)
        return _of("regexp_replace", string, pattern=pattern, replacement=replacement)

    def abs(self, number: object) -> Expression:
        """Return a number or duration without its sign."""
        return _of("abs", number)

    def sign(self, number: object) -> Expression:
        """Return -1, 0 or 1."""
        return _of("sign", number)

    def ceil(self, number: object) -> Expression:
        """Return the next whole number up, in the same type."""
        return _of("ceil", number)

    def floor(self, number: object) -> Expression:
        """Return the next whole number down, in the same type."""
        return _of("floor", number)

    def round(self, number: object, digits: int = 0) -> Expression:
        """Return a number rounded to digits behind the point; halves to even, as Python does."""
        return _of("round", number, digits=_count("round", "digits", digits))

    def sqrt(self, number: object) -> Expression:
        """Return the square root as a double; nan for a negative number."""
        return _of("sqrt", number)

    def power(self, base: object, exponent: object) -> Expression:
        """Return a power: whole of whole numbers, otherwise a double."""
        return _of("power", base, exponent)

    def log(self, number: object, base: float | None = None) -> Expression:
        """Return the logarithm as a double, the natural one without `base`; -inf for 0."""
        if base is not None and not isinstance(base, int | float):
            raise TypeError(f"the base of F.log is a constant number, not {shown(base)}")
        return _of("log", number, base=base)

    def is_nan(self, number: object) -> Expression:
        """Tell whether a number is nan, which is not null."""
        return _of("is_nan", number)

    def year(self, date: object) -> Expression:
        """Return the year of a date or timestamp."""
        return _of("year", date)

    def quarter(self, date: object) -> Expression:
        """Return the quarter, from 1."""
        return _of("quarter", date)

    def month(self, date: object) -> Expression:
        """Return the month, from 1."""
        return _of("month", date)

    def week(self, date: object) -> Expression:
        """Return the number of the week, as ISO counts them."""
        return _of("week", date)

    def day(self, date: object) -> Expression:
        """Return the day of the month, from 1."""
        return _of("day", date)

    def day_of_year(self, date: object) -> Expression:
        """Return the day of the year, from 1."""
        return _of("day_of_year", date)

    def day_of_week(self, date: object) -> Expression:
        """Return the day of the week: 1 is Monday, 7 Sunday."""
        return _of("day_of_week", date)

    def hour(self, moment: object) -> Expression:
        """Return the hour of a timestamp (in its zone) or time; 0 of a date."""
        return _of("hour", moment)

    def minute(self, moment: object) -> Expression:
        """Return the minute of a timestamp or time; 0 of a date."""
        return _of("minute", moment)

    def second(self, moment: object) -> Expression:
        """Return the whole seconds of a timestamp or time; 0 of a date."""
        return _of("second", moment)

    def date_trunc(self, moment: object, unit: str) -> Expression:
        """Return when the second, minute, hour, day, week, month, quarter or year began."""
        if unit not in _UNITS:
            raise ValueError(
                f"F.date_trunc has no unit {unit!r}: {near(str(unit), _UNITS, 'units')}"
            )
        return _of("date_trunc", moment, unit=unit)

    def parse_datetime(self, string: object, format: str | None = None) -> Expression:  # noqa: A002 - Chalk's name
        """Return the timestamp[us] that a string tells, in ISO 8601 or in a format of strptime's.

        A string that is none is an ExpressionError once it is met.
        """
        form = None if format is None else _text("parse_datetime", "format", format)
        return _of("parse_datetime", string, format=form)

    def format_datetime(self, moment: object, format: str) -> Expression:  # noqa: A002 - Chalk's name
        """Return a date or timestamp as strftime writes it in a format, in whole seconds."""
        return _of("format_datetime", moment, format=_text("format_datetime", "format", format))

    def total_seconds(self, duration: object) -> Expression:
        """Return a duration in seconds, as a double."""
        return _of("total_seconds", duration)

    def __getattr__(self, name: str) -> NoReturn:
        hint = near(name, (each for each in dir(type(self)) if each[0] != "_"), "functions")
        raise AttributeError(
            f'F has no function "{name}": {hint} (a deployed one is F.catalog_call("{name}", ...))'
        )

    def __repr__(self) -> str:
        return "F"


#: What users import.
F = Functions()


def _of(function: str, *operands: object, **options: object) -> Expression:
    """Return the expression that a function makes of operands."""
    return Expression(Apply(function, tuple(map(node_of, operands)), options))


def _some(function: str, operands: tuple[Any, ...]) -> Iterable[Any]:
    """Return operands if there are any, else raise TypeError."""
    if not operands:
        raise TypeError(f"F.{function} takes one value or more")
    return operands


def _text(function: str, parameter: str, value: object) -> str:
    """Return a constant string, else raise TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"`{parameter}` of F.{function} is a constant string, not {shown(value)}")
    return value


def _count(function: str, parameter: str, value: object) -> int:
    """Return a constant whole number, else raise TypeError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"`{parameter}` of F.{function} is a constant int, not {shown(value)}")
    return value


def _padded(function: str, width: object, padding: object) -> dict[str, Any]:
    """Return width and padding, else raise TypeError or ValueError."""
    found = _text(function, "padding", padding)
    if len(found) != 1:
        raise ValueError(f"`padding` of F.{function} is one character, not {found!r}")
    return {"width": _count(function, "width", width), "padding": found}
