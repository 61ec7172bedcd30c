"""What running a statement again would set off: calls of handles, registrations."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Mapping

from chalkcompute.capture.binding import Binding, Kind
from chalkcompute.capture.chain import Syntax, is_container
from chalkcompute.capture.handle import is_handle
from chalkcompute.capture.main import Main
from chalkcompute.capture.reach import Reach, reach

__all__ = ["Remote"]

_FOLLOWED = (Kind.DEFINITION, Kind.ASSIGNMENT, Kind.CHANGE)


class Remote:
    """Follow names through the source of a namespace; `is_value`: a snapshot replaces it."""

    def __init__(self, main: Main, syntax: Syntax, is_value: Callable[[str], bool]) -> None:
        self._main = main
        self._syntax = syntax
        self._is_value = is_value

    def handle(self, found: Reach) -> str:
        """Return the remote handle that is reached, however far away; "" for none."""
        return next((name for name in self.names(found) if self.leads_to_handle(name)), "")

    def registers(self, definition: Binding, made: Mapping[str, object]) -> bool:
        """Tell whether defining it enters it into something in `made`.

        By a decorator that is a method of it (`@show.register`) or, where it is a
        container, that reaches it (`@handler("a")`); by subclassing a class that minds.
        """
        decorators: list[ast.expr] = getattr(definition.node, "decorator_list", [])
        bases: list[ast.expr] = getattr(definition.node, "bases", [])
        return any(self._enters(each, made) for each in decorators) or any(
            isinstance(each, ast.Name) and _minds_subclasses(made.get(each.id)) for each in bases
        )

    def _enters(self, decorator: ast.expr, made: Mapping[str, object]) -> bool:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            name = function.value.id
            if name in made:
                return not isinstance(made[name], types.ModuleType) and not is_handle(made[name])
        names = set(self.names(reach(decorator))) & set(made)
        return any(is_container(made[name]) for name in names)

    def names(self, found: Reach) -> list[str]:
        """Return all that is reached, in the order of a walk; dotted reads as they stand."""
        seen: dict[str, None] = {}
        waiting = [found]
        while waiting:
            each = waiting.pop()
            seen.update(dict.fromkeys(".".join(chain) for chain in sorted(each.chains)))
            for name in each.hard:
                if name not in seen:
                    seen[name] = None
                    waiting += self._sources(name)
        return list(seen)

    def _sources(self, name: str) -> list[Reach]:
        if self.leads_to_handle(name) or self._is_value(name):
            return []
        found = [each for each in self._main.bindings(name) if each.kind in _FOLLOWED]
        return [self._syntax.reach(each.node, each) for each in found]

    def leads_to_handle(self, dotted: str) -> bool:
        """Tell whether a name leads to a handle, if need be through modules."""
        name, *attributes = dotted.split(".")
        value = self._main.namespace.get(name)
        for attribute in attributes:
            if is_handle(value):
                return True
            if not isinstance(value, types.ModuleType):
                return False
            value = vars(value).get(attribute)
        return is_handle(value)


def _minds_subclasses(value: object) -> bool:
    """Tell whether a class of the same namespace is told of its subclasses."""
    if not isinstance(value, type):
        return False
    around = [each for each in value.__mro__ if each.__module__ == value.__module__]
    told = any("__init_subclass__" in vars(each) for each in around)
    return told or type(value).__module__ == value.__module__
