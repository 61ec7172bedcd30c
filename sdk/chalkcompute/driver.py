"""Keeps many calls of one function going: sends entries while there is room, and reads outcomes."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from chalkcompute import runtime
from chalkcompute.arrivals import Arrivals
from chalkcompute.cargo import Landed
from chalkcompute.context import check_depth
from chalkcompute.errors import ConnectionLostError, FnqError
from chalkcompute.fleet import Fleet
from chalkcompute.flight import Flight
from chalkcompute.packing import Packing
from chalkcompute.reply import send
from chalkcompute.window import Window

if TYPE_CHECKING:
    from chalkcompute.cargo import Cargo, Load
    from chalkcompute.inflight import Outcome, Target
    from chalkcompute.port import Session
    from chalkcompute.way import Way
    from fnq_wire.arrow import Codec

__all__ = ["Driver"]

#: Seconds for which a slow input is read on though a result could be delivered.
_READING_S = 0.01
#: Batches in flight at first, of a function whose items travel one by one.
_BATCHES = 4
#: Errors of an entry as a whole that one of its rows has brought about.
_OF_ONE_ROW = ("WorkerLostError", "CallTimeoutError")


class Driver:
    """The rows of one cargo, driven by their reader; it has no thread of its own.

    `poll` and `park` take turns, for one reader at a time. `ordered` keeps the order of
    the input, `keep` has failures as values.
    """

    def __init__(self, way: Way, cargo: Cargo, *, ordered: bool, keep: bool) -> None:
        self._way = way
        self._cargo = cargo
        self._keep = keep
        self._packing = Packing(cargo.entry_bytes, cargo.growth, cargo.entry_rows)
        self._window = self._window_of(0)
        self._arrivals: Arrivals[Flight] = Arrivals()
        self._fleet = Fleet(ordered=ordered)
        #: Entries in flight: those of the fleet that have not ended.
        self._flying = 0
        self._failure: Exception | None = None
        self._closed = False
        #: Rows are never packed: each is repeated, permitted and timed by itself.
        self._single = False
        #: Items go into batches as plain calls.
        self._plain = False
        self._process = os.getpid()
        self._session: Session | None = None
        self._target: Target
        self._codec: Codec

    @property
    def function(self) -> str:
        """Return the name of the function."""
        return self._way.name

    def ready(self) -> bool:
        """Whether `open` has nothing to wait for."""
        return self._session is not None or self._way.near()

    def open(self) -> None:
        """Find out what to call; deploy it first where that is not done. May be repeated.

        Raises what its cargo raises for the function, and what a call raises.
        """
        if self._session is not None:
            return
        self._target, self._codec = self._way.seek()
        check_depth(self.function)
        timed = self._way.terms is not None and self._way.terms.timeout_ms > 0
        self._single = self._target.single or timed
        self._plain = self._single and self._target.batch > 0
        if self._plain:
            self._window = self._window_of(_BATCHES * self._target.batch)
        self._cargo.open(self._target, self._codec, plain=self._plain)
        self._session = runtime.current_session()

    def poll(self) -> Landed | None:
        """Return the outcomes that come next; none at the end, None while they are to come.

        Raises the failure of a row, when its turn comes, and what the input raised, once
        all results of the rows before are read.
        """
        if self._failure is not None:
            raise self._failure
        if os.getpid() != self._process:
            raise ConnectionLostError(
                f"what maps {self.function} is read in a process forked after it was made: "
                "expected that in the process that made it; map anew here"
            )
        self.open()
        self._observe()
        self._refill()
        while (flight := self._fleet.next()) is not None:
            landed = self._read(flight)
            if len(landed.values):
                return landed
        if self._fleet:
            return None
        if self._cargo.problem is not None:
            raise self._cargo.problem
        return Landed([])

    def park(self) -> None:
        """Block this invocation until there is news."""
        assert self._session is not None
        if not self._session.park(self._arrivals, self._window.patience(self._flying)):
            self._window.quiet()

    async def park_async(self) -> None:
        """Do as `park` for the running event loop."""
        assert self._session is not None
        try:
            async with asyncio.timeout(self._window.patience(self._flying)):
                await self._session.park_async(self._arrivals)
        except TimeoutError:
            self._window.quiet()

    def close(self) -> None:
        """Cancel what is in flight and let go of everything; may be repeated."""
        self._closed = True
        for flight in self._fleet.clear():
            _cancel(flight)
        self._cargo.close()
        # A reader in another thread may wait.
        self._arrivals.push(b"")

    def _window_of(self, first: int) -> Window:
        return Window(first, self._cargo.window_bytes, self._cargo.short_entries)

    def _observe(self) -> None:
        """Take note of what came."""
        for flight, at in self._arrivals.take():
            assert flight.reply is not None
            inflight = flight.reply.inflight
            if inflight.outcome is not None and not flight.ended:
                flight.ended = True
                # It holds the flight, which holds it.
                inflight.wake = None
                self._flying -= 1
                self._learn(flight, inflight.outcome, at - flight.sent_at)
                flight.spare = b""
            self._fleet.heard(flight)

    def _learn(self, flight: Flight, outcome: Outcome, took_s: float) -> None:
        if outcome.exhausted:
            ran_s, size = flight.run()
            self._packing.ran(flight.rows, ran_s)
            self._packing.weighed(flight.rows, size)
            self._window.ended(flight.flying, flight.rows, ran_s, took_s)
            if self._cargo.narrow and self._packing.unclear:
                self._window.narrow()
        elif outcome.failure is not None and flight.rows > 1:
            self._packing.failed()
            if outcome.failure["error"] in _OF_ONE_ROW:
                self._repeat(flight)

    def _repeat(self, flight: Flight) -> None:
        """Have the rows that have no outcome sent again, so that only the guilty one fails."""
        told = flight.told()
        try:
            self._cargo.again(flight.first + told, flight.rows - told, flight.spare)
        except FnqError:
            return  # Of a class that is not known here: they all fail.
        flight.cut(told)
        self._fleet.read(flight, 0)

    def _refill(self) -> None:
        """Send entries while there is room; a slow input is not read on for ever."""
        until = time.monotonic() + _READING_S
        while not self._closed and self._failure is None and self._has_room():
            load = self._cargo.next(self._rows())
            if load is None:
                return
            self._send(load)
            if time.monotonic() >= until:
                self._observe()
                # Rows that are sent again come before anything newer, and are waited for.
                if self._fleet.next() is not None and not self._cargo.repeats:
                    return

    def _rows(self) -> int:
        """Return the most rows of the next entry."""
        if self._single:
            return 1
        # A batch is full with one entry, however long it takes.
        return self._target.batch or self._packing.rows

    def _has_room(self) -> bool:
        if self._cargo.repeats:
            # The reader may wait for just this row.
            return self._window.open(self._flying, 0, 0)
        return self._window.open(self._flying, len(self._fleet), self._fleet.size)

    def _send(self, load: Load) -> None:
        flight = Flight(load.first, load.rows, error=load.error)
        if load.error is None:
            self._packing.weighed(load.rows, len(load.payload))
            flight.size = self._packing.weight(load.rows) + load.held
            flight.spare = load.spare
            flight.sent_at = time.monotonic()
            rows = 0 if self._plain else load.rows
            try:
                flight.reply = send(self._target, load.payload, self._codec, self._way.terms, rows)
            except FnqError as problem:
                flight.error = problem
        self._fleet.add(flight)
        if flight.reply is None:
            return
        self._flying += 1
        flight.flying = self._flying
        self._session = flight.reply.session
        self._arrivals.watch(flight.reply.inflight, flight)
        if self._closed:
            _cancel(flight)

    def _read(self, flight: Flight) -> Landed:
        """Return some outcomes of an entry; a failure that ends it all is raised after them."""
        landed = flight.land(self._cargo)
        self._fleet.read(flight, len(landed.values))
        if not landed.failures or self._keep:
            return landed
        first = min(landed.failures)
        self._failure = landed.failures[first]
        self.close()
        if not first:
            raise self._failure
        return landed.until(first)


def _cancel(flight: Flight) -> None:
    if flight.reply is not None and flight.reply.inflight.outcome is None:
        flight.reply.session.cancel(flight.reply.inflight)
