"""How long to wait before trying again."""

from __future__ import annotations

__all__ = ["Backoff"]


class Backoff:
    """Pauses that double from `first_s` up to `most_s` seconds."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self.tries = 0
        #: Whether anything ever went well.
        self.proven = False

    def next(self) -> float:
        """Return the next pause in seconds."""
        pause: float = min(self._first_s * 2**self.tries, self._most_s)
        self.tries = min(self.tries + 1, 30)
        return pause

    def reset(self) -> None:
        """Begin again: something went well."""
        self.tries, self.proven = 0, True
