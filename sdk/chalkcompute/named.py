"""A function that another script deployed, called by its name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from chalkcompute import runtime
from chalkcompute.function import RemoteFunction
from chalkcompute.settings import Settings, check_name, check_number

if TYPE_CHECKING:
    from chalkcompute.inflight import Target
    from fnq_wire.arrow import Codec

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
        self._found: tuple[Target, Codec] | None = None
        self._stale_at = 0.0

    @property
    def codec(self) -> Codec:
        """Return what encodes arguments as the deployed version declares them."""
        return self._find()[1]

    def _prepare(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Target, Codec, bytes]:
        target, codec = self._find()
        return target, codec, codec.encode_arguments(args, kwargs)

    def _locate(self) -> Target:
        return self._find()[0]

    def _find(self) -> tuple[Target, Codec]:
        """Return the version to call and its codec; NotFoundError when there is none."""
        found = self._found
        if found is None or not self._settled():
            from fnq_wire.arrow import Codec

            target, parameters = runtime.current_session().lookup(self.name, self.number)
            if found is None or target != found[0]:
                found = target, Codec.of_parameters(parameters, self.name)
                self._found, self.target, self.kind = found, target, target.kind
            self._stale_at = time.monotonic() + _CURRENT_S
        return found

    def _settled(self) -> bool:
        fixed = self.number is not None or time.monotonic() < self._stale_at
        return self._found is not None and fixed

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteFunction.from_name, (self.name, self.number)
