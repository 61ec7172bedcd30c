"""The values of calls as Arrow, and back.

A payload is one Arrow IPC stream with one row, or many (`fnq_wire.rows`): a column for
each argument that was passed, or the one column "result". A column has an Arrow type
where the annotation gives one and the value is exactly of it; otherwise it is of the
extension type "fnq.value" (binary, see `fnq_wire.value.tag`). Any reader of Arrow can
open a payload.
"""

from __future__ import annotations

import copy
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fnq_wire.annotation import chunk_of, hints_of
from fnq_wire.check import Check, check_of
from fnq_wire.classes import Classes
from fnq_wire.column.anything import Anything
from fnq_wire.column.kind import Kind, Unfit
from fnq_wire.column.layout import Layout
from fnq_wire.column.message import head_length
from fnq_wire.column.nest import Items
from fnq_wire.column.schema import kind_of
from fnq_wire.error import SerializationError
from fnq_wire.pieces import Payload, whole
from fnq_wire.refusal import Refusal
from fnq_wire.rows import Rows
from fnq_wire.signature import ParameterInfo, Signature

__all__ = ["Codec", "ParameterInfo"]

#: Layouts that a codec remembers of payloads it has seen.
_MAX_LAYOUTS = 256


class Codec:
    """Encode and decode the arguments and results of one function; safe for any thread."""

    def __init__(
        self, signature: Signature, hints: Mapping[str, Any], returns: Any, classes: Classes
    ) -> None:
        self.signature = signature
        self.classes = classes
        self._anything = Anything(classes)
        kinds = [_column(it, hints, classes) for it in signature.parameters]
        self.kinds: list[Kind] = [kind or self._anything for kind in kinds]
        self._checks = [_check(it, hints) for it in signature.parameters]
        pairs = zip(signature.parameters, self.kinds, strict=True)
        self.parameters = tuple(replace(it, type=kind.text) for it, kind in pairs)
        result = kind_of(returns, classes) or self._anything
        self.returns = result.text
        self.result = Layout(("result",), (result,))
        #: The same for many rows in one payload.
        self.rows = Rows(self)
        self._plans: dict[tuple[int, ...], tuple[Layout, tuple[int, ...]]] = {}
        self._layouts: dict[bytes, Layout] = {}

    @classmethod
    def of(cls, function: Callable[..., object]) -> Codec:
        """Return the codec of a function; annotations that cannot be resolved are not there.

        Raises TypeError when it has no signature.
        """
        signature = Signature.of(function)
        hints = hints_of(function)
        returns = hints.pop("return", Any)
        body = inspect.unwrap(function)
        if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
            returns = chunk_of(returns)
        return cls(signature, hints, returns, Classes([*hints.values(), returns]))

    @classmethod
    def of_parameters(
        cls,
        parameters: Sequence[tuple[str, str, bool]],
        name: str = "function",
        types: Sequence[str] = (),
        returns: str = "any",
    ) -> Codec:
        """Return the codec of a function that is known by (name, kind, required) only.

        Its values all travel tagged; objects of the user's classes can be sent and
        not received. `types`, by parameter, and `returns` are what its schema names.
        """
        signature = Signature(name, [ParameterInfo(*parameter) for parameter in parameters])
        codec = cls(signature, {}, Any, Classes(known=False))
        pairs = zip(codec.parameters, types, strict=False)
        codec.parameters = tuple(replace(it, type=kind) for it, kind in pairs) or codec.parameters
        codec.returns = returns
        return codec

    def listed(self) -> Codec:
        """Return the codec of a function whose results are lists of what this one's are."""
        other, kind = copy.copy(self), self.result.kinds[0]
        if kind is not self._anything:
            other.result = Layout(("result",), (Items(kind, list),))
        other.returns = other.result.kinds[0].text
        other.rows = Rows(other)
        return other

    def encode_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Return the payload of a call in one piece; raises as `lay_out_arguments` does."""
        return whole(self.lay_out_arguments(args, kwargs))

    def lay_out_arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Payload:
        """Return the payload of a call; a large one in pieces, which must not change any more.

        Raises TypeError, like Python's own, when the arguments do not fit the
        parameters, TypeError that names the argument when one is not what its
        annotation says, and SerializationError when a value cannot travel.
        """
        present, values = self.signature.bind(args, kwargs)
        plan = self._plans.get(present) or self.plan(present)
        layout, untyped = plan
        for column in untyped:
            self.check(present[column], values[column])
        while True:
            try:
                return layout.encode(values)
            except Unfit as misfit:
                self.check(present[misfit.column], values[misfit.column])
                layout = layout.untyped(misfit.column, self.classes)
            except Refusal as refusal:
                name = self.parameters[present[refusal.column]].name
                raise self.unsendable(f'argument "{name}"', refusal) from refusal.__cause__

    def decode_arguments(
        self, payload: bytes | memoryview
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return positional and keyword arguments; raises SerializationError."""
        try:
            layout, values = self._decode(payload)
            return self.signature.unbind(layout.names, values)
        except Exception as problem:  # A corrupt payload fails wherever it is put together.
            raise self.unreadable("the arguments", problem) from problem

    def sizes(self, payload: Payload) -> dict[str, int]:
        """Return the bytes that each argument takes, by name; raises SerializationError."""
        try:
            view = memoryview(payload if isinstance(payload, bytes) else payload.head)
            layout, start = self.layout(view)
            sizes = layout.sizes(view, start)
            return dict(zip(layout.names, sizes, strict=True))
        except Exception as problem:  # A corrupt payload fails wherever it is looked into.
            raise self.unreadable("the payload", problem) from problem

    def encode_result(self, value: object) -> bytes:
        """Return the payload of a result in one piece; raises SerializationError."""
        return whole(self.lay_out_result(value))

    def lay_out_result(self, value: object) -> Payload:
        """Return the payload of a result, or of one chunk; a large one in pieces.

        Raises SerializationError.
        """
        layout = self.result
        while True:
            try:
                return layout.encode((value,))
            except Unfit:
                layout = layout.untyped(0, self.classes)
            except Refusal as refusal:
                raise self.unsendable("result", refusal) from refusal.__cause__

    def decode_result(self, payload: bytes | memoryview) -> Any:
        """Return a result, or one chunk; raises SerializationError."""
        try:
            layout, values = self._decode(payload)
            if layout.names != ("result",):
                raise ValueError(f"columns {layout.names}, expected one result")
            return values[0]
        except Exception as problem:  # A corrupt payload fails wherever it is put together.
            raise self.unreadable("the result", problem) from problem

    def _decode(self, payload: bytes | memoryview) -> tuple[Layout, Sequence[Any]]:
        view = memoryview(payload)
        layout, start = self.layout(view)
        return layout, layout.decode(view, start)

    def layout(self, view: memoryview) -> tuple[Layout, int]:
        """Return the layout of a payload, and where its batch begins."""
        start = head_length(view, 0)
        schema = bytes(view[:start])
        layout = self._layouts.get(schema)
        if layout is None:
            layout = Layout.of_schema(memoryview(schema), self.classes)
            if len(self._layouts) >= _MAX_LAYOUTS:
                self._layouts.clear()
            self._layouts[schema] = layout
        return layout, start

    def plan(self, present: tuple[int, ...]) -> tuple[Layout, tuple[int, ...]]:
        """Return the layout for these arguments, and its columns to check before."""
        kinds = tuple(self.kinds[at] for at in present)
        layout = Layout(tuple(self.parameters[at].name for at in present), kinds)
        untyped = [column for column, kind in enumerate(kinds) if kind is self._anything]
        checked = tuple(column for column in untyped if self._checks[present[column]])
        if len(self._plans) >= _MAX_LAYOUTS:
            self._plans.clear()
        self._plans[present] = layout, checked
        return layout, checked

    def check(self, at: int, value: object) -> None:
        """Raise TypeError when an argument is not what its annotation says."""
        check = self._checks[at]
        if check is None:
            return
        try:
            check(value)
        except Refusal as refusal:
            name = self.parameters[at].name
            raise TypeError(
                f'{self.signature.name}() argument "{name}"{refusal.path}: {refusal.reason}'
            ) from None

    def unsendable(self, what: str, refusal: Refusal) -> SerializationError:
        """Return the error that says what cannot be sent, where it lies and what to do."""
        name = self.signature.name
        return SerializationError(f"{name}() {what}{refusal.path}: {refusal.reason}", function=name)

    def unreadable(self, what: str, problem: Exception) -> SerializationError:
        """Return the error that says what could not be read."""
        name = self.signature.name
        if isinstance(problem, SerializationError):
            return SerializationError(f"{what} of {name}(): {problem}", function=name)
        return SerializationError(
            f"{what} of {name}() cannot be read, the payload is corrupt: {problem!r}",
            function=name,
        )


def _annotation(parameter: ParameterInfo, hints: Mapping[str, Any]) -> Any:
    """Return the annotation of what lies in the column of a parameter."""
    annotation = hints.get(parameter.name, Any)
    if parameter.kind == "var_positional":
        return types.GenericAlias(tuple, (annotation, ...))
    if parameter.kind == "var_keyword":
        return types.GenericAlias(dict, (str, annotation))
    return annotation


def _column(parameter: ParameterInfo, hints: Mapping[str, Any], classes: Classes) -> Kind | None:
    return kind_of(_annotation(parameter, hints), classes)


def _check(parameter: ParameterInfo, hints: Mapping[str, Any]) -> Check | None:
    return check_of(_annotation(parameter, hints)) if parameter.name in hints else None
