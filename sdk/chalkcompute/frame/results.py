"""What calls returned, as columns of one type."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from chalkcompute.errors import ExpressionError
from chalkcompute.frame.declared import loose
from fnq_wire.column.anything import EXTENSION
from fnq_wire.value.of_pyarrow import read_stream
from fnq_wire.value.plain import read_plain

__all__ = ["Results"]

#: The types of values that become one type of Arrow without loss.
_PYTHON: dict[pa.DataType, type | tuple[type, ...]] = {
    pa.bool_(): bool,
    pa.int64(): int,
    pa.float64(): (int, float),
    pa.string(): str,
    pa.binary(): bytes,
    pa.timestamp("us"): datetime.datetime,
    pa.date32(): datetime.date,
    pa.time64("us"): datetime.time,
    pa.duration("us"): datetime.timedelta,
}
#: The types of what pandas has in place of None, which pyarrow does not always know.
_ABSENT = frozenset({"NAType", "NaTType"})
_EXTENSION_NAME = b"ARROW:extension:name"


class Results:
    """Make columns of payloads of results, all of the type `kind`.

    Where that is None the first results decide it that are not all null or empty lists.
    Objects of the user's classes become structs, members of an Enum their names.
    """

    def __init__(self, function: str, kind: pa.DataType | None) -> None:
        self.kind = kind
        self._function = function
        #: What all results have been while they decided nothing.
        self._void: pa.DataType = pa.null()
        self._declared = kind is not None

    def read(self, payload: bytes | memoryview) -> Any:
        """Return the results in a payload, in order, as an array; a void one until there is a type.

        Raises ExpressionError where one has another type, and any exception when the
        payload is corrupt.
        """
        schema, batches = read_stream(memoryview(payload))
        (field,), (batch,) = schema, batches
        column = batch.column(0)
        if (field.metadata or {}).get(_EXTENSION_NAME) == EXTENSION.encode():
            return self._of_values([read_plain(each) for each in column.to_pylist()])
        return self._of_array(column)

    def nulls(self, count: int) -> Any:
        """Return the results of so many rows that have none."""
        kind: Any = self.kind or pa.null()
        return pa.nulls(count, kind)

    def decided(self, array: Any) -> Any:
        """Return results that were read before there was a type as it is now.

        Where none came until now, it is that of what there is. Raises as `read` does.
        """
        self.kind = self.kind or self._void
        return self._of_array(array)

    def _of_array(self, array: Any) -> Any:
        came = loose(array.type)
        kind = self._settle(came)
        if array.type == kind:
            return array
        try:
            if came == kind or _akin(came, kind):
                return array.cast(kind)
            if pa.types.is_null(came):
                return self.nulls(len(array))
        except pa.ArrowException as problem:
            raise self._misfit(came, str(problem)) from problem
        if pa.types.is_nested(kind):
            return self._of_values(array.to_pylist())
        raise self._misfit(came)

    def _of_values(self, values: Sequence[Any]) -> Any:
        try:
            if self.kind is None or not pa.types.is_nested(self.kind):
                array = self._of_array(_inferred(values, self.kind))
                if self.kind is None or not pa.types.is_nested(self.kind):
                    return array
            return pa.array([_shaped(value, self.kind) for value in values], self.kind)
        except ExpressionError:
            raise
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as problem:
            kinds = sorted({type(value).__name__ for value in values if value is not None})
            raise self._misfit(", ".join(kinds), str(problem)) from problem

    def _settle(self, came: pa.DataType) -> pa.DataType:
        """Return the type of all results, which is `came` where none was settled."""
        if self.kind is None:
            if _is_void(came):
                self._void = self._void if pa.types.is_null(came) else came
            else:
                self.kind = came
        return self.kind or came

    def _misfit(self, came: object, reason: str = "") -> ExpressionError:
        expected = f"expected {self.kind}, as "
        if self.kind is None:
            expected = "no one type of Arrow holds them all"
        else:
            expected += "it is declared" if self._declared else "the first results are"
        told = f" ({reason})" if reason else ""
        return ExpressionError(
            f"results of {self._function!r}: {expected}, and {came} came{told}; annotate the "
            "function's return with the type of all its results, or .cast(...) the call",
            function=self._function,
        )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _akin(one: Any, other: Any) -> bool:
    """Tell whether values of one type become another's where nothing is lost."""
    if pa.types.is_timestamp(one) and pa.types.is_timestamp(other):
        return (one.tz is None) == (other.tz is None)
    return any(kind(one) and kind(other) for kind in _KINDS)


_KINDS = (_is_number, pa.types.is_decimal, pa.types.is_duration, pa.types.is_time)


def _is_void(kind: Any) -> bool:
    """Tell whether nothing is in values of a type: nulls, or empty lists."""
    while pa.types.is_list(kind):
        kind = kind.value_type
    return pa.types.is_null(kind)


def _inferred(values: Sequence[Any], kind: pa.DataType | None) -> Any:
    """Return values as an array of the type that holds them."""
    values = [None if type(value).__name__ in _ABSENT else value for value in values]
    if kind == pa.uint64():  # Arrow takes no integer beyond int64 by itself
        return pa.array(values, kind)
    found: Any = pa.array(values)
    finer: pa.DataType
    if pa.types.is_timestamp(found.type):
        finer = pa.timestamp("ns", found.type.tz)
    elif pa.types.is_duration(found.type):
        finer = pa.duration("ns")
    else:
        return found
    # Arrow leaves them out by itself.
    return pa.array(values, finer) if any(map(_has_nanoseconds, values)) else found


def _has_nanoseconds(value: Any) -> bool:
    """Tell whether a value is a time of pandas that a datetime, or a timedelta, cannot hold."""
    return bool(getattr(value, "nanosecond", 0) > 0 or getattr(value, "nanoseconds", 0) > 0)


def _shaped(value: Any, kind: Any) -> Any:
    """Return a value in the form that Arrow makes a type of, which loses nothing; ValueError."""
    if value is None or type(value).__name__ in _ABSENT:
        return None
    if type(value).__module__ == "numpy":
        value = value.tolist()
    if not pa.types.is_nested(kind):
        known = _PYTHON.get(kind)
        if known is not None and not isinstance(value, known):
            raise ValueError(f"{type(value).__name__} where there is {kind} else")
        if known is not None and _has_nanoseconds(value):
            raise ValueError(f"nanoseconds where there is {kind} else")
        return value
    if pa.types.is_map(kind):
        items = value.items() if isinstance(value, Mapping) else value
        return [(key, _shaped(each, kind.item_type)) for key, each in items]
    inner: Any = kind
    if not pa.types.is_struct(kind):
        return [_shaped(each, inner.value_type) for each in value]
    names = [field.name for field in kind]
    if not isinstance(value, Mapping):
        if not isinstance(value, tuple) or len(value) != len(names):
            raise ValueError(f"no struct of {', '.join(names)}")
        value = dict(zip(names, value, strict=True))
    if more := value.keys() - set(names):
        raise ValueError(f"fields beside {', '.join(names)}: {', '.join(map(str, more))}")
    return {field.name: _shaped(value.get(field.name), field.type) for field in kind}
