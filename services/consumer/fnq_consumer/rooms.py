"""How much work an agent has room for, and at which depth. Pure."""

from __future__ import annotations

from collections import deque

from fnq.v1 import worker_pb2

__all__ = ["Rooms", "seat"]


class Rooms:
    """The slots that an agent has granted and that are not taken yet.

    The agent states its slots absolutely, with the number of dispatches it had
    seen; what was sent since then is taken off again here. A lent slot takes only
    calls at its depth or deeper; a call takes the deepest slot that admits it, so
    that the others stay open for more calls.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, int] = {}
        self._sent = 0
        #: Depths of what the agent has not seen; None: it takes no room of its own.
        self._unseen: deque[int | None] = deque()

    def state(self, slots: worker_pb2.Slots) -> None:
        """Take up what the agent says it has."""
        while self._unseen and self._sent - len(self._unseen) < slots.seen:
            self._unseen.popleft()
        rooms = {lent.depth: lent.count for lent in slots.lent if lent.count}
        if slots.free:
            rooms[0] = rooms.get(0, 0) + slots.free
        self._rooms = rooms
        for depth in self._unseen:
            if depth is not None:
                self._take(depth)

    def admits(self, depth: int) -> bool:
        """Whether a call at this depth may be sent."""
        return any(least <= depth for least in self._rooms)

    def take(self, depth: int) -> None:
        """Note that a call at this depth is sent."""
        self._sent += 1
        self._unseen.append(depth)
        self._take(depth)

    def take_together(self, depth: int, count: int) -> None:
        """Note that `count` calls at this depth are sent, which run together in one room.

        The last of them takes it: before that one the agent has not counted it.
        """
        self._sent += count - 1
        self._unseen.extend([None] * (count - 1))
        self.take(depth)

    def _take(self, depth: int) -> None:
        seat(self._rooms, depth)

    def open(self) -> dict[int, int]:
        """Return count by least depth."""
        return self._rooms


def seat(rooms: dict[int, int], depth: int) -> bool:
    """Take the room of a call at this depth off `rooms`; False where none admits it."""
    fitting = [least for least in rooms if least <= depth]
    if not fitting:
        return False
    least = max(fitting)
    rooms[least] -= 1
    if not rooms[least]:
        del rooms[least]
    return True
