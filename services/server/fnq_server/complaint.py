"""What goes wrong again and again, logged once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Complaint"]


class Complaint:
    """Logs `words` with a problem, through `log`, unless it was the same the last time."""

    def __init__(self, log: Callable[..., Any], words: str) -> None:
        self._log = log
        self._words = words
        self._last = ""

    def make(self, problem: Exception) -> None:
        """Log a problem, once for as long as it is the same."""
        if str(problem) != self._last:
            self._last = str(problem)
            self._log(self._words, problem=self._last)
