"""What a call passes between its stream and its agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from fnq_consumer.held import Held

__all__ = ["Station"]


class Station(Protocol):
    """Keeps calls until they may go on to the next station; the last is the dispatcher."""

    def rooms(self) -> dict[int, int]:
        """Return the room by least depth that is left for calls that are not here yet."""

    def put(self, held: Held) -> None:
        """Take a call up."""

    def feed(self) -> None:
        """Look again: there is more room, or less."""

    def take_out(self, held: Held) -> bool:
        """Remove a call that waits here or further on; False when it does not."""

    def waiting(self) -> dict[str, list[Held]]:
        """Return the calls that wait here or further on, by stream."""

    def close(self) -> Iterator[Held]:
        """Yield what waits here or further on, and let go of it."""
