"""The way from a handle to what it calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fnq_wire.kinds import yields

if TYPE_CHECKING:
    from chalkcompute.inflight import Target, Terms
    from fnq_wire.arrow import Codec

__all__ = ["Way", "check_unary"]


@dataclass(frozen=True, slots=True)
class Way:
    """What calls of a function that are made later must know of it.

    `kind` is as in the spec, or empty while it is not known.
    `seek` returns the version to call and what encodes its arguments: it deploys, or asks
    a server, unless `near` says that it need not.
    """

    name: str
    kind: str
    seek: Callable[[], tuple[Target, Codec]]
    near: Callable[[], bool]
    #: What each call asks for besides.
    terms: Terms | None = None

    def check_keyless(self) -> None:
        """Raise ValueError where calls have an idempotency key: many cannot be one call."""
        if self.terms is not None and self.terms.key:
            raise ValueError(
                f"a map of {self.name} makes many calls, and idempotency_key= is of one: leave "
                f"it out, or give each its own, {self.name}.options(idempotency_key=...).spawn(x)"
            )


def check_unary(name: str, kind: str) -> None:
    """Raise TypeError for a generator function, as far as `kind` is known."""
    if yields(kind):
        raise TypeError(
            f"{name} is a generator function, which has many results for one input: "
            f"call it for each input, and read its stream (for chunk in {name}(x))"
        )
