"""A function that another script deployed, called by its name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from chalkcompute import runtime
from chalkcompute.batch import one_item
from chalkcompute.function import RemoteFunction
from chalkcompute.options import handle
from chalkcompute.settings import Settings, check_name, check_number

if TYPE_CHECKING:
    from chalkcompute.inflight import Target
    from chalkcompute.port import Parameters
    from chalkcompute.version import Version
    from fnq_wire.arrow import Codec
    from fnq_wire.items import Items
    from fnq_wire.pieces import Payload

__all__ = ["NamedFunction"]

#: Seconds for which the version that was current is taken to be current still.
_CURRENT_S = 5.0


class NamedFunction(RemoteFunction[..., Any, Any]):
    """A handle without a body; `number` None follows the current version."""

    def __init__(self, name: str, number: int | None) -> None:
        check_name("name", name)
        if number is not None:
            check_number("version", number)
        self.__name__ = self.__qualname__ = name
        self.body = None
        self.name = name
        self.kind = ""
        self.number = number
        self.settings = Settings()
        self.target = None
        #: The codec goes with the target, and both change at once.
        self._found: tuple[Target, Codec, Items | None] | None = None
        self._stale_at = 0.0

    @property
    def codec(self) -> Codec:
        """Return what encodes arguments as the deployed version declares them."""
        return self._find()[1]

    @property
    def items(self) -> Items | None:
        """Return what tells one item from a list of items; None where it takes no batches."""
        return self._find()[2]

    def _prepare(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Target, Codec, Payload]:
        target, codec, items = self._find()
        return target, codec, codec.lay_out_arguments(*one_item(items, args, kwargs))

    def _locate(self, timeout: float | None = None) -> Target:
        return self._find()[0]

    def rollback(self, version: int | Version) -> None:
        """Do as `RemoteFunction.rollback`; the next call here goes to that version."""
        super().rollback(version)
        self._forget()

    def delete(self) -> None:
        """Do as `RemoteFunction.delete`."""
        super().delete()
        self._forget()

    def _forget(self) -> None:
        """Look the function up again before the next call."""
        if isinstance(self.origin, NamedFunction):
            self.origin._forget()  # noqa: SLF001 - the same function
        else:
            self._found = None

    def _seek(self) -> tuple[Target, Codec]:
        return self._find()[:2]

    def _find(self) -> tuple[Target, Codec, Items | None]:
        """Return the version to call, its codec and items; NotFoundError when there is none."""
        if isinstance(self.origin, NamedFunction):
            return self.origin._find()  # noqa: SLF001 - the same function
        found = self._found
        if found is None or not self._settled():
            target, parameters = runtime.current_session().lookup(self.name, self.number)
            if found is None or target != found[0]:
                found = _read(target, parameters)
                self._found, self.target, self.kind = found, target, target.kind
            self._stale_at = time.monotonic() + _CURRENT_S
        return found

    def _settled(self) -> bool:
        if isinstance(self.origin, NamedFunction):
            return self.origin._settled()  # noqa: SLF001
        fixed = self.number is not None or time.monotonic() < self._stale_at
        return self._found is not None and fixed

    def __reduce__(self) -> tuple[Any, ...]:
        if self.origin is not None:
            return handle, (self.origin, self.terms)
        return RemoteFunction.from_name, (self.name, self.number)


def _read(target: Target, parameters: Parameters) -> tuple[Target, Codec, Items | None]:
    """Return a version with what encodes its arguments."""
    from fnq_wire.arrow import Codec

    if not target.batch:
        codec = Codec.of_parameters(parameters, target.name, target.types, target.returns)
        return target, codec, None
    from fnq_wire.items import Items

    items = Items.of_parameters(parameters, target.types, target.name, target.returns)
    return target, items.codec, items
