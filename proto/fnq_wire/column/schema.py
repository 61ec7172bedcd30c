"""Annotations as kinds of columns, and the columns of a schema as kinds.

An annotation that does not fix one Arrow type (no annotation, Any, a union, a class
that cannot travel as a struct) has no kind: its column is tagged.
"""

from __future__ import annotations

import typing
from typing import Any

from fnq_wire.annotation import members_of
from fnq_wire.classes import Classes, Family, family_of, fields_of, hints_of_fields
from fnq_wire.column.anything import EXTENSION, Anything
from fnq_wire.column.kind import Kind
from fnq_wire.column.leaf import LEAVES, Member, leaf_of
from fnq_wire.column.message import LIST, MAP, STRUCT, UTF8, Field
from fnq_wire.column.nest import CONTAINERS, Items, Pairs, Record, Row

__all__ = ["kind_of", "kind_of_field"]


def kind_of(annotation: Any, classes: Classes, outer: tuple[Any, ...] = ()) -> Kind | None:
    """Return the kind of column that holds every value of the annotation, if there is one.

    `outer` are the annotations and classes that this one lies in: what holds itself
    has no finite type.
    """
    if any(annotation is each for each in outer):
        return None
    outer = (*outer, annotation)
    members = members_of(annotation)
    solid = [member for member in members if member is not type(None)]
    if len(solid) != 1:
        return None
    kind = _kind_of_one(solid[0], classes, outer)
    return kind.optional() if kind is not None and len(members) > 1 else kind


def kind_of_field(field: Field, classes: Classes) -> Kind:
    """Return the kind that reads a column; raises ValueError when there is none."""
    if field.metadata.get("ARROW:extension:name") == EXTENSION:
        return Anything(classes)
    if "fnq.class" in field.metadata:
        kind = _kind_of_class(field, classes)
    elif field.type[0] in (LIST, MAP, STRUCT):
        kind = _kind_of_nested(field, classes)
    else:
        return _known(leaf_of(field), field)
    return kind.optional() if field.nullable else kind


def _kind_of_one(annotation: Any, classes: Classes, outer: tuple[Any, ...]) -> Kind | None:
    origin = typing.get_origin(annotation) or annotation
    arguments = typing.get_args(annotation)
    if not isinstance(origin, type):
        return None
    if origin in LEAVES:
        return LEAVES[origin]
    if origin in CONTAINERS.values() or origin is dict:
        return _kind_of_container(origin, arguments, classes, outer)
    key, family = classes.key_of(origin), family_of(origin)
    within = any(origin is each for each in outer[:-1])
    if key is None or not classes.known or within:
        return None
    if family is Family.ENUM:
        return Member(origin, key)
    if family not in (Family.DATACLASS, Family.NAMEDTUPLE):
        return None
    hints = hints_of_fields(origin, family)
    names = fields_of(origin, family)
    kinds = [kind_of(hints.get(name, Any), classes, (*outer, origin)) for name in names]
    places = tuple(kind for kind in kinds if kind is not None)
    if not places or len(places) < len(names):
        return None
    return Record(origin, key, family, names, places)


def _kind_of_container(
    origin: type, arguments: tuple[Any, ...], classes: Classes, outer: tuple[Any, ...]
) -> Kind | None:
    varied = origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis
    kinds = [
        kind_of(argument, classes, outer) for argument in (arguments[:1] if varied else arguments)
    ]
    places = tuple(kind for kind in kinds if kind is not None)
    if not places or len(places) < len(kinds):
        return None
    if origin is dict:
        return None if len(places) != 2 or places[0].nullable else Pairs(places[0], places[1])
    if origin is tuple and not varied:
        return Row(tuple(map(str, range(len(places)))), places)
    return Items(places[0], origin)


def _kind_of_nested(field: Field, classes: Classes) -> Kind:
    inner = field.children
    container = field.metadata.get("fnq.container", "list")
    if field.type[0] == MAP and len(inner) == 1 and len(inner[0].children) == 2:
        key, value = inner[0].children
        return Pairs(kind_of_field(key, classes), kind_of_field(value, classes))
    if field.type[0] == LIST and len(inner) == 1 and container in CONTAINERS:
        return Items(kind_of_field(inner[0], classes), CONTAINERS[container])
    if field.type[0] == STRUCT and inner and container == "tuple":
        names = tuple(child.name for child in inner)
        return Row(names, tuple(kind_of_field(child, classes) for child in inner))
    raise ValueError(f"column {field.name!r} is nested in a way that fnq does not write")


def _kind_of_class(field: Field, classes: Classes) -> Kind:
    key = field.metadata["fnq.class"]
    cls = classes.get(key)
    family = family_of(cls)
    if family is Family.ENUM and field.type[0] == UTF8:
        return Member(cls, key)
    if (
        family in (Family.DATACLASS, Family.NAMEDTUPLE)
        and field.type[0] == STRUCT
        and field.children
    ):
        names = tuple(child.name for child in field.children)
        places = tuple(kind_of_field(child, classes) for child in field.children)
        return Record(cls, key, family, names, places)
    raise ValueError(f"column {field.name!r} does not fit {key}")


def _known(kind: Kind | None, field: Field) -> Kind:
    if kind is None:
        raise ValueError(f"column {field.name!r} has a type that fnq does not write")
    return kind
