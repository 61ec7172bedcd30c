"""Which invocation may begin: slots, lent slots and depths.

A slot is held by one invocation. While that one waits for nested calls its slot
is lent, to calls strictly deeper only, and what runs in a lent slot may lend it
again. So the invocations that wait in a slot stand on each other, each deeper
than the one below, and the deepest call can always run.
"""

from __future__ import annotations

__all__ = ["Slot", "Slots"]


class Slot:
    """One slot in use: the depths of those that hold it, and how many do not wait."""

    __slots__ = ("busy", "depths", "floor")

    def __init__(self) -> None:
        self.depths: list[int] = []
        self.busy = 0
        #: Least depth that may enter; 0 while it is not lent.
        self.floor = 0


class Slots:
    """The slots of one runner. Not thread-safe; knows no clock."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lent: dict[int, set[Slot]] = {}

    def fit(self, depth: int) -> bool:
        """Return whether a call of that depth may begin now."""
        return self._free > 0 or any(floor <= depth for floor in self._lent)

    def begin(self, depth: int) -> Slot | None:
        """Give a call of that depth a slot, the deepest lent one first; None if none fits."""
        floors = [floor for floor in self._lent if floor <= depth]
        if floors:
            slot = next(iter(self._lent[max(floors)]))
        elif self._free > 0:
            self._free -= 1
            slot = Slot()
        else:
            return None
        slot.depths.append(depth)
        slot.busy += 1
        self._adjust(slot)
        return slot

    def wait(self, slot: Slot) -> None:
        """Note that one holder of `slot` waits for nested calls."""
        slot.busy -= 1
        self._adjust(slot)

    def resume(self, slot: Slot) -> None:
        """Note that one holder of `slot` waits no longer."""
        slot.busy += 1
        self._adjust(slot)

    def end(self, slot: Slot, depth: int) -> None:
        """Let a holder of that depth, which does not wait, leave `slot`."""
        slot.depths.remove(depth)
        slot.busy -= 1
        self._adjust(slot)
        if not slot.depths:
            self._free += 1

    def _adjust(self, slot: Slot) -> None:
        floor = max(slot.depths) + 1 if slot.depths and slot.busy == 0 else 0
        if floor == slot.floor:
            return
        if slot.floor:
            self._lent[slot.floor].discard(slot)
            if not self._lent[slot.floor]:
                del self._lent[slot.floor]
        if floor:
            self._lent.setdefault(floor, set()).add(slot)
        slot.floor = floor
