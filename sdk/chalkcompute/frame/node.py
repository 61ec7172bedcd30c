"""What a column is made of: the tree behind an expression. Pure.

Users write trees with `_`, `F` and operators (see `expression`). Nothing is looked up and
nothing computed here; a tree meets a schema in `compiled`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from chalkcompute.function import RemoteFunction

__all__ = ["Apply", "CatalogCall", "Cast", "Column", "Literal", "Member", "Node", "walk"]


class Node(ABC):
    """A value for each row of a frame; `of` is what it is made of."""

    __slots__ = ()

    @property
    def of(self) -> tuple[Node, ...]:
        """What it is made of."""
        return ()

    def with_of(self, of: tuple[Node, ...]) -> Self:
        """Return the same made of others."""
        assert not of
        return self

    @abstractmethod
    def key(self) -> tuple[Any, ...]:
        """Return what is equal, and hashable, for nodes that mean the same."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Column(Node):
    """The column of a name."""

    name: str

    def key(self) -> tuple[Any, ...]:
        """Return its name."""
        return "column", self.name


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Literal(Node):
    """One value, the same for all rows."""

    value: Any

    def key(self) -> tuple[Any, ...]:
        """Return the value with its type: 1, 1.0 and True differ."""
        whole = repr(self.value)
        # What is perhaps shown in part, as a long array of numpy is, equals nothing but itself.
        return "literal", type(self.value), id(self.value) if "..." in whole else whole


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Apply(Node):
    """A function of the table in `compiled`, on operands; `options` are constants, by name."""

    function: str
    of: tuple[Node, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_of(self, of: tuple[Node, ...]) -> Self:
        """Return the same function of others."""
        return replace(self, of=of)

    def key(self) -> tuple[Any, ...]:
        """Return function, options and operands."""
        options = tuple(sorted((name, repr(value)) for name, value in self.options.items()))
        return "apply", self.function, options, tuple(each.key() for each in self.of)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Member(Node):
    """What a struct has under a name, or a list at an index."""

    whole: Node
    item: str | int

    @property
    def of(self) -> tuple[Node, ...]:
        """The struct or list."""
        return (self.whole,)

    def with_of(self, of: tuple[Node, ...]) -> Self:
        """Return the same member of another one."""
        return replace(self, whole=of[0])

    def key(self) -> tuple[Any, ...]:
        """Return what it is a member of, and which one."""
        return "member", self.whole.key(), self.item


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Cast(Node):
    """A value as another type of Arrow, which `type` names."""

    value: Node
    type: str

    @property
    def of(self) -> tuple[Node, ...]:
        """The value."""
        return (self.value,)

    def with_of(self, of: tuple[Node, ...]) -> Self:
        """Return another value as the same type."""
        return replace(self, value=of[0])

    def key(self) -> tuple[Any, ...]:
        """Return value and type."""
        return "cast", self.value.key(), self.type


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CatalogCall(Node):
    """What a deployed function makes of each row; `function` is its name, or a handle of it."""

    function: str | RemoteFunction[..., Any, Any]
    args: tuple[Node, ...]
    kwargs: Mapping[str, Node] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function if isinstance(self.function, str) else self.function.name

    @property
    def of(self) -> tuple[Node, ...]:
        """The arguments, those by position first."""
        return (*self.args, *self.kwargs.values())

    def with_of(self, of: tuple[Node, ...]) -> Self:
        """Return a call with other arguments, in the same places."""
        count = len(self.args)
        return replace(
            self, args=of[:count], kwargs=dict(zip(self.kwargs, of[count:], strict=True))
        )

    def key(self) -> tuple[Any, ...]:
        """Return function and arguments."""
        args = tuple(each.key() for each in self.args)
        kwargs = tuple(sorted((name, each.key()) for name, each in self.kwargs.items()))
        which = self.function if isinstance(self.function, str) else id(self.function)
        return "call", which, args, kwargs


def walk(node: Node) -> Iterator[Node]:
    """Return a node and all that it is made of, operands first."""
    for each in node.of:
        yield from walk(each)
    yield node
