"""The calls of one version that wait for a permit of its limit, before they are dispatched."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator

from fnq_consumer.desk import Desk
from fnq_consumer.held import Held, Permit
from fnq_consumer.rooms import seat
from fnq_consumer.station import Station

__all__ = ["Permits"]


class Permits:
    """A station before `following`: a call goes on once it has its permit.

    One is asked for only while there is room for the call, so that no permit is held by
    a call that waits for a worker. `current` says whether a call is still to be run.
    """

    def __init__(self, desk: Desk, following: Station, current: Callable[[Held], bool]) -> None:
        self._desk = desk
        self._next = following
        self._current = current
        #: Calls without a permit, and whether one is asked for.
        self._waiting: dict[Held, bool] = {}
        #: Calls whose permit may be used in a moment.
        self._due: dict[Held, asyncio.TimerHandle] = {}
        #: Whether all that wait are looked at in this turn of the loop.
        self._asking = False
        self._closed = False

    def rooms(self) -> dict[int, int]:
        """Return the room by least depth that is left for calls that are not here yet."""
        return self._rooms_beside((*self._due, *self._waiting))

    def _rooms_beside(self, calls: tuple[Held, ...]) -> dict[int, int]:
        rooms = self._next.rooms()
        for held in calls:
            seat(rooms, held.call.depth)
        return rooms

    def put(self, held: Held) -> None:
        """Keep a call until it has a permit."""
        self._waiting[held] = False
        self._ask_soon()

    def feed(self) -> None:
        """Look again: there is more room, or less."""
        self._next.feed()
        self._ask_soon()

    def _ask_soon(self) -> None:
        if self._waiting and not self._asking:
            self._asking = True
            asyncio.get_running_loop().call_soon(self._ask)

    def _ask(self) -> None:
        """Ask for the permits of calls that there is room for, and no longer for others."""
        self._asking = False
        if self._closed:
            return
        rooms = self._rooms_beside(tuple(self._due))
        for held, asked in self._waiting.items():
            fits = seat(rooms, held.call.depth)
            if fits and not asked:
                self._desk.join(held, self)
            elif asked and not fits:
                self._desk.leave(held)
            self._waiting[held] = fits

    def granted(self, held: Held, permit: Permit, wait_s: float) -> None:
        """Let a call go on that has its permit, in so many seconds."""
        if self._waiting.pop(held, None) is None:
            permit.release()
            return
        held.permit = permit
        if wait_s > 0:
            loop = asyncio.get_running_loop()
            self._due[held] = loop.call_later(wait_s, self._pass_on, held)
        else:
            self._pass_on(held)

    def _pass_on(self, held: Held) -> None:
        self._due.pop(held, None)
        if not self._current(held):
            held.give_back()
        elif seat(self._next.rooms(), held.call.depth):
            self._next.put(held)
        else:
            # Its room has gone meanwhile: somebody else may have the permit.
            held.give_back()
            self.put(held)

    def keeps(self, held: Held) -> bool:
        """Whether a call waits here for its permit, or for the time of that."""
        return held in self._waiting or held in self._due

    def take_out(self, held: Held) -> bool:
        """Remove a call that waits here or further on; False when it does not."""
        asked = self._waiting.pop(held, None)
        if asked:
            self._desk.leave(held)
        if asked is not None:
            return True
        timer = self._due.pop(held, None)
        if timer is not None:
            timer.cancel()
        elif not self._next.take_out(held):
            return False
        held.give_back()
        return True

    def waiting(self) -> dict[str, list[Held]]:
        """Return the calls that wait here or further on, by stream."""
        found = defaultdict(list, self._next.waiting())
        for held in (*self._due, *self._waiting):
            found[held.stream].append(held)
        return found

    def adopt(self, held: Held) -> None:
        """Take over the permit of a run that an agent brought along."""
        if held.permit is None:
            held.permit = self._desk.take_over(held)

    def close(self) -> Iterator[Held]:
        """Let nothing go on from here; yield what waits here or further on, and let go of it."""
        self._closed = True
        ours = (*self._due, *self._waiting)
        for held in ours:
            self.take_out(held)
        yield from ours
        for held in self._next.close():
            held.give_back()
            yield held
