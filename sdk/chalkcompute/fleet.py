"""The entries of a map that were sent and not read to the end. Knows no session and no clock."""

from __future__ import annotations

from collections import deque

from chalkcompute.flight import Flight

__all__ = ["Fleet"]


class Fleet:
    """Say which entry is read next: in the order of rows, or that of their news."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        #: By their first row.
        self._flights: dict[int, Flight] = {}
        #: Where order is kept: the row that is read next, and the entry that is read from.
        self._row = 0
        self._head: Flight | None = None
        #: Where it is not: those that have something to read.
        self._ripe: deque[Flight] = deque()
        #: Bytes of all.
        self.size = 0

    def __len__(self) -> int:
        return len(self._flights)

    def add(self, flight: Flight) -> None:
        """Take up an entry that was sent, or could not be."""
        self._flights[flight.first] = flight
        self.size += flight.size
        if flight.news:
            self.heard(flight)

    def heard(self, flight: Flight) -> None:
        """Note that there is something to read in an entry."""
        if not self._ordered and not flight.listed and not flight.done:
            flight.listed = True
            self._ripe.append(flight)

    def next(self) -> Flight | None:
        """Return the entry to read from; None when there is nothing to read."""
        if not self._ordered:
            return self._next_ripe()
        if self._head is None or self._head.done:
            self._head = self._flights.get(self._row)
        head = self._head
        return head if head is not None and head.news else None

    def _next_ripe(self) -> Flight | None:
        ripe = self._ripe
        while ripe:
            if ripe[0].news:
                return ripe[0]
            ripe.popleft().listed = False
        return None

    def read(self, flight: Flight, rows: int) -> None:
        """Note that so many more rows of an entry were read; one that is done goes."""
        self._row += rows
        if flight.done and self._flights.get(flight.first) is flight:
            del self._flights[flight.first]
            self.size -= flight.size

    def clear(self) -> list[Flight]:
        """Let go of all; return them. Another thread may be at it meanwhile."""
        flights, self._flights, self._ripe = self._flights, {}, deque()
        self._head, self.size = None, 0
        return list(flights.values())
