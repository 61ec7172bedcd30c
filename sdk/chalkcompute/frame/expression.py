"""What users write: `_.amount * 2 > 10`. An expression wraps the tree of `node`."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, NoReturn

from chalkcompute.frame.node import Apply, Cast, Column, Literal, Member, Node
from chalkcompute.frame.written import shown, text

__all__ = ["Columns", "Expression", "columns", "node_of", "text"]

#: Types whose values all have a type of Arrow's; an integer has one up to 64 bits.
_SURE = (
    *(bool, float, str, bytes, type(None)),
    *(datetime.date, datetime.datetime, datetime.timedelta),
)


class Expression:
    """A value for each row of a frame, written with `_`, `F` and operators.

    Operators are Python's, with `&`, `|`, `~` for and, or, not. `_.a.b` and `_.a["b"]` are
    the member of a struct, `_.a[0]` is the element of a list (null where there is none), and
    `_.a[2:5]` a slice of a string or list. What is null stays null, unless said otherwise.
    """

    __slots__ = ("_node",)

    #: numpy leaves the operators to the expression.
    __array_ufunc__ = None
    #: Equality is a column, so an expression is no key of a dict.
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, node: Node) -> None:
        self._node = node

    def is_null(self) -> Expression:
        """Tell for each row whether it is null; itself never null."""
        return Expression(Apply("is_null", (self._node,)))

    def is_not_null(self) -> Expression:
        """Tell for each row whether it has a value; itself never null."""
        return Expression(Apply("is_not_null", (self._node,)))

    def is_in(self, values: Iterable[Any]) -> Expression:
        """Tell for each row whether it is one of `values`, which are constants.

        Never null: a null is one of them if they have None. Raises TypeError for an
        expression, or a string, in place of several values.
        """
        if isinstance(values, str | bytes | Expression | Columns) or not hasattr(
            values, "__iter__"
        ):
            raise TypeError(f".is_in() takes a list of constants, not {shown(values)}")
        constants = [_constant(each) for each in values]
        return Expression(Apply("is_in", (self._node,), {"values": constants}))

    def between(self, low: object, high: object) -> Expression:
        """Tell for each row whether it is at least `low` and at most `high`."""
        return (self >= low) & (self <= high)

    def cast(self, type: object) -> Expression:  # noqa: A002 - named as pyarrow names it
        """Return it as another type: Arrow's name ("int64"), Python's type, or pyarrow's.

        Raises ValueError for a name that is no type. A value that does not fit ("x" as a
        number, 1.5 or 300 as int8) is an ExpressionError once it is met.
        """
        from chalkcompute.frame import datatype

        return Expression(Cast(self._node, str(datatype.named(type))))

    def fill_null(self, value: object) -> Expression:
        """Return it with `value`, a constant or an expression, where it is null."""
        return Expression(Apply("coalesce", (self._node, node_of(value))))

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("__") or name in Expression.__slots__:
            # Asked for by whoever copies one, before it has a tree.
            raise AttributeError(f"an expression has no {name!r}")
        if name.startswith("_"):
            raise AttributeError(
                f"an expression has no {name!r}; the member of that name is "
                f'{text(self._node)}["{name}"]'
            )
        return Expression(Member(self._node, name))

    def __getitem__(self, item: str | int | slice) -> Expression:
        if isinstance(item, slice):
            bounds = {"start": item.start, "stop": item.stop, "step": item.step}
            for each in bounds.values():
                if each is not None and type(each) is not int:
                    raise TypeError(f"a slice has constant whole numbers, not {shown(each)}")
            return Expression(Apply("slice", (self._node,), bounds))
        if isinstance(item, str) or type(item) is int:
            return Expression(Member(self._node, item))
        raise TypeError(
            f"{text(self._node)}[...] takes the name of a member, a whole number or a slice, "
            f"not {shown(item)}"
        )

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        from chalkcompute.frame.functions import F

        name = getattr(self._node, "item", None) or getattr(self._node, "name", "")
        whole = text(self._node.of[0]) if self._node.of else ""
        hint = "functions are in F: F.upper(_.name)"
        if name in dir(F):
            hint = f"write F.{name}({whole or '...'})"
        raise TypeError(f"{text(self._node)} is a column, not a function; {hint}")

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{text(self._node)} is true or false for each row, not by itself: for `and`, `or`, "
            "`not` write &, |, ~ with comparisons in parentheses, for `if` F.when(...).then(...)"
            ".otherwise(...), for a < b < c .between(a, c), for `in` .is_in([...])"
        )

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{text(self._node)} cannot be iterated: it is a column of a frame")

    def __len__(self) -> NoReturn:
        raise TypeError(f"{text(self._node)} has no length by itself: F.length(...) has each row's")

    def __contains__(self, item: object) -> NoReturn:
        raise TypeError(
            f"`in` cannot look into each row of {text(self._node)}: "
            f"write F.contains({text(self._node)}, {shown(item)})"
        )

    def __repr__(self) -> str:
        return text(self._node)

    def __add__(self, other: object) -> Expression:
        return _applied("add", self, other)

    def __radd__(self, other: object) -> Expression:
        return _applied("add", other, self)

    def __sub__(self, other: object) -> Expression:
        return _applied("subtract", self, other)

    def __rsub__(self, other: object) -> Expression:
        return _applied("subtract", other, self)

    def __mul__(self, other: object) -> Expression:
        return _applied("multiply", self, other)

    def __rmul__(self, other: object) -> Expression:
        return _applied("multiply", other, self)

    def __truediv__(self, other: object) -> Expression:
        return _applied("divide", self, other)

    def __rtruediv__(self, other: object) -> Expression:
        return _applied("divide", other, self)

    def __floordiv__(self, other: object) -> Expression:
        return _applied("floor_divide", self, other)

    def __rfloordiv__(self, other: object) -> Expression:
        return _applied("floor_divide", other, self)

    def __mod__(self, other: object) -> Expression:
        return _applied("modulo", self, other)

    def __rmod__(self, other: object) -> Expression:
        return _applied("modulo", other, self)

    def __pow__(self, other: object) -> Expression:
        return _applied("power", self, other)

    def __rpow__(self, other: object) -> Expression:
        return _applied("power", other, self)

    def __and__(self, other: object) -> Expression:
        return _applied("and", self, other)

    def __rand__(self, other: object) -> Expression:
        return _applied("and", other, self)

    def __or__(self, other: object) -> Expression:
        return _applied("or", self, other)

    def __ror__(self, other: object) -> Expression:
        return _applied("or", other, self)

    def __xor__(self, other: object) -> Expression:
        return _applied("xor", self, other)

    def __rxor__(self, other: object) -> Expression:
        return _applied("xor", other, self)

    def __invert__(self) -> Expression:
        return _applied("not", self)

    def __neg__(self) -> Expression:
        return _applied("negate", self)

    def __abs__(self) -> Expression:
        return _applied("abs", self)

    def __round__(self, digits: int = 0) -> Expression:
        return Expression(Apply("round", (self._node,), {"digits": digits}))

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return _compared("equal", self, other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return _compared("not_equal", self, other)

    def __lt__(self, other: object) -> Expression:
        return _compared("less", self, other)

    def __le__(self, other: object) -> Expression:
        return _compared("less_equal", self, other)

    def __gt__(self, other: object) -> Expression:
        return _compared("greater", self, other)

    def __ge__(self, other: object) -> Expression:
        return _compared("greater_equal", self, other)


class Columns:
    """The columns of whatever frame an expression meets: `_.amount`, `_["a name"]`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Expression:
        if name.startswith("_"):
            raise AttributeError(f'_ has no {name!r}; the column of that name is _["{name}"]')
        return Expression(Column(name))

    def __getitem__(self, name: str) -> Expression:
        if not isinstance(name, str):
            raise TypeError(f"a column is named by a string, not {shown(name)}")
        return Expression(Column(name))

    def __iter__(self) -> NoReturn:
        raise TypeError("_ knows no frame, so it has no columns to iterate: see .columns of one")

    def __repr__(self) -> str:
        return "_"


#: What users import as `_`.
columns = Columns()


def node_of(value: object) -> Node:
    """Return the tree of an expression; any other value is one for all rows.

    Raises TypeError for what Arrow has no type for, and for a part of an expression.
    """
    if isinstance(value, Expression):
        return value._node  # noqa: SLF001 - every other name is a member's
    if isinstance(value, Columns):
        raise TypeError("_ by itself is no value: name a column, as in _.amount")
    if unfinished := getattr(type(value), "UNFINISHED", ""):
        raise TypeError(f"{value!r} {unfinished}")
    return Literal(_constant(value))


def _constant(value: object) -> object:
    """Return a value as it is if Arrow has a type for it, else raise TypeError."""
    if isinstance(value, Expression | Columns):
        raise TypeError(f"{value!r} stands where only a constant may: compare with ==, | instead")
    if type(value) not in _SURE and not (type(value) is int and -(2**63) <= value < 2**63):
        from chalkcompute.frame import datatype

        datatype.scalar(value)
    return value


def _applied(function: str, *operands: object) -> Expression:
    """Return the expression that a function makes of operands."""
    return Expression(Apply(function, tuple(map(node_of, operands))))


def _compared(function: str, left: object, right: object) -> Expression:
    """Return a comparison. Raises TypeError for None, which nothing is equal to."""
    if left is None or right is None:
        raise TypeError("nothing compares with None: .is_null() and .is_not_null() tell what is")
    return _applied(function, left, right)
