"""What one item of a batching function is, and whether a call passes one or many.

Each parameter of such a function takes a list; what a caller passes for it is an item
of that list, or a list of them. A function with one parameter that is a `pyarrow.Table`
takes a table instead, and an item is a row of it.
"""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from fnq_wire.annotation import UNKNOWN, hints_of, members_of
from fnq_wire.arrow import Codec
from fnq_wire.check import Check, check_of
from fnq_wire.classes import Classes
from fnq_wire.refusal import Refusal
from fnq_wire.signature import ParameterInfo, Signature

__all__ = ["Arguments", "Items", "element_of", "table_parameter"]

#: Positional and keyword arguments of one item.
Arguments: TypeAlias = tuple[tuple[Any, ...], Mapping[str, Any]]

#: Generic forms of what a handler may call its list.
_LISTS = (
    list,
    tuple,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
)
#: How an annotation that cannot be resolved names a table.
_TABLE = re.compile(r"(?:(?:pyarrow|pa)(?:\.lib)?\.)?Table")
#: What is shown as the type of a parameter that is a table.
_TABLE_TYPE = "table"
#: How the types of items that are lists begin.
_LISTED = re.compile(r"(?:large_|fixed_size_)?list\b")
_VARIED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def element_of(annotation: Any) -> Any:
    """Return T of `list[T]`, `Sequence[T]`, `tuple[T, ...]`; UNKNOWN of anything else."""
    listed = [each for each in members_of(annotation) if each is not types.NoneType]
    if len(listed) != 1:
        return UNKNOWN
    arguments = typing.get_args(listed[0])
    if typing.get_origin(listed[0]) not in _LISTS or not arguments:
        return UNKNOWN
    several = [each for each in arguments if each is not Ellipsis]
    return several[0] if len(several) == 1 else UNKNOWN


def table_parameter(function: Callable[..., object]) -> str | None:
    """Return the name of the parameter that is a `pyarrow.Table`, if there is one."""
    hints = hints_of(function)
    for name, parameter in inspect.signature(function).parameters.items():
        annotation = hints.get(name, parameter.annotation)
        if isinstance(annotation, str):
            found = _TABLE.fullmatch(annotation.strip()) is not None
        else:
            home = getattr(annotation, "__module__", ""), getattr(annotation, "__name__", "")
            found = home == ("pyarrow.lib", "Table")
        if found:
            return name
    return None


class Items:
    """Tells one item from a list of them, for one function; safe for any thread."""

    def __init__(
        self,
        signature: Signature,
        codec: Codec,
        listed: Mapping[str, Check | None],
        table: str | None = None,
    ) -> None:
        """Have the items of `signature`, which `codec` encodes.

        `listed` are the parameters whose items may be lists themselves, each with what an
        item passes, if that is known.
        """
        self._signature = signature
        #: Encodes the arguments of one item, and decodes its result.
        self.codec = codec
        self._listed = listed
        self._table = table

    @classmethod
    def of(cls, function: Callable[..., object]) -> Items:
        """Return what the items of a function are.

        Raises TypeError for a function that cannot take batches: with `*args` or
        `**kwargs`, with no parameter, or with others beside a table.
        """
        name = getattr(function, "__qualname__", repr(function))
        parameters = inspect.signature(function).parameters
        if not parameters or any(each.kind in _VARIED for each in parameters.values()):
            raise TypeError(
                f"{name}() cannot take batches: expected named parameters, each of which gets "
                "a list with a value for each item; write them out, or leave out "
                "max_batching_size= and max_buffer_duration="
            )
        table = table_parameter(function)
        if table is None:
            return cls._of_lists(function)
        if len(parameters) > 1:
            raise TypeError(
                f"{name}() cannot take batches: beside {table!r}, a pyarrow.Table with all that "
                "callers pass, there is no other parameter; take a column of the table instead"
            )
        signature = Signature(name, [ParameterInfo(table, "either", True)])
        returned = element_of(hints_of(function).get("return", UNKNOWN))
        codec = Codec(signature, {}, returned, Classes([returned]))
        codec.parameters = (ParameterInfo(table, "either", True, _TABLE_TYPE),)
        return cls(signature, codec, {}, table)

    @classmethod
    def _of_lists(cls, function: Callable[..., object]) -> Items:
        elements = {name: element_of(hint) for name, hint in hints_of(function).items()}
        returned = elements.pop("return", UNKNOWN)
        listed: dict[str, Check | None] = {
            name: check_of(element)
            for name, element in elements.items()
            if element is not UNKNOWN and _may_be_list(element)
        }
        signature = Signature.of(function)
        classes = Classes([*elements.values(), returned])
        return cls(signature, Codec(signature, elements, returned, classes), listed)

    @classmethod
    def of_parameters(
        cls,
        parameters: Sequence[tuple[str, str, bool]],
        types: Sequence[str],
        name: str,
        returns: str = "any",
    ) -> Items:
        """Return the items of a function that is known by its spec only.

        `types` are the Arrow types of its items as text, by parameter, `returns` that of a
        result. Values travel as `Codec.of_parameters` has it.
        """
        named = dict(zip([each[0] for each in parameters], types, strict=False))
        table = next((each for each, kind in named.items() if kind == _TABLE_TYPE), None)
        listed = dict.fromkeys(each for each, kind in named.items() if _LISTED.match(kind))
        signature = Signature(name, [ParameterInfo(*each) for each in parameters])
        codec = Codec.of_parameters(parameters, name, types, returns)
        return cls(signature, codec, listed, table)

    @property
    def table(self) -> str | None:
        """Name the parameter that is a table, if there is one; an item is a row of it."""
        return self._table

    def split(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Arguments | list[Arguments]:
        """Return the arguments of one item as they travel, or of each item of a list.

        Raises the TypeError that Python would where they do not fit the parameters, and
        ValueError where some arguments are lists of items and others are not, or not as
        long.
        """
        if self._table is not None:
            return self._rows(args, kwargs)
        self._signature.bind(args, kwargs)
        names = [each.name for each in self._signature.parameters]
        by_name = dict(zip(names, args, strict=False)) | dict(kwargs)
        lengths = {
            name: len(value) for name, value in by_name.items() if self._is_list(name, value)
        }
        if not lengths:
            return args, kwargs
        self._check_lengths(by_name, lengths)
        count = next(iter(lengths.values()))
        return [
            (tuple(each[at] for each in args), {name: it[at] for name, it in kwargs.items()})
            for at in range(count)
        ]

    def _is_list(self, name: str, value: object) -> bool:
        if not isinstance(value, (list, tuple)):
            return False
        if name not in self._listed:
            return True
        check = self._listed[name]
        if check is None:
            # An item may be a list, of whatever: only a list of lists is surely more than one.
            return bool(value) and all(isinstance(each, (list, tuple)) for each in value)
        try:
            check(value)
        except Refusal:
            return True
        return False

    def _check_lengths(self, by_name: Mapping[str, Any], lengths: Mapping[str, int]) -> None:
        """Raise ValueError unless all arguments are lists of items, of one length."""
        if len(lengths) == len(by_name) and len(set(lengths.values())) == 1:
            return
        told = ", ".join(
            f"{name!r} is a list of {lengths[name]}" if name in lengths else f"{name!r} is one item"
            for name in by_name
        )
        raise ValueError(
            f"{self._signature.name}() takes batches: expected one item for each parameter, or "
            f"lists of one length, but {told}"
        )

    def _rows(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Arguments | list[Arguments]:
        """Return rows of a table: dicts, or tables of one row."""
        table = self._table
        assert table is not None
        if len(args) + bool(kwargs) != 1:
            raise TypeError(
                f"{self._signature.name}() takes rows of a table: expected a pyarrow.Table or "
                f"RecordBatch, or the columns of one row by name; {len(args)} positional and "
                f"{len(kwargs)} keyword arguments were given"
            )
        value: Any = args[0] if args else kwargs
        if not args and list(kwargs) == [table] and _is_table(kwargs[table]):
            value = kwargs[table]
        if _is_table(value):
            return [((row,), {}) for row in _single_rows(value)]
        if isinstance(value, (list, tuple)):
            return [((_row(table, each),), {}) for each in value]
        if not args and kwargs and all(isinstance(each, (list, tuple)) for each in kwargs.values()):
            self._check_lengths(kwargs, {name: len(each) for name, each in kwargs.items()})
            rows = zip(*kwargs.values(), strict=True)
            return [((dict(zip(kwargs, row, strict=True)),), {}) for row in rows]
        return (_row(table, value),), {}


def _may_be_list(element: Any) -> bool:
    """Whether a value that an annotation describes may be a list or a tuple."""
    for member in members_of(element):
        origin = typing.get_origin(member) or member
        if member is UNKNOWN or member is object:
            return True
        if isinstance(origin, type) and (
            issubclass(list, origin) or issubclass(origin, (list, tuple))
        ):
            return True
    return False


def _is_table(value: object) -> bool:
    """Whether a value is a table or a batch of pyarrow, or of a class derived from them."""
    return any(
        (each.__module__, each.__name__)
        in (("pyarrow.lib", "Table"), ("pyarrow.lib", "RecordBatch"))
        for each in type(value).__mro__
    )


def _single_rows(table: Any) -> Sequence[Any]:
    """Return each row as a table of one row, of the same types."""
    import pyarrow as pa

    whole = table if isinstance(table, pa.Table) else pa.Table.from_batches([table])
    return [whole.slice(at, 1).combine_chunks() for at in range(whole.num_rows)]


def _row(name: str, value: Any) -> Mapping[str, Any]:
    """Return a row as a dict: a value that is none makes a column of the parameter's name."""
    return dict(value) if isinstance(value, Mapping) else {name: value}
