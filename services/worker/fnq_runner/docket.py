"""What was dispatched to this runner: what waits to begin, and what runs."""

from __future__ import annotations

import threading
from collections import deque

from fnq_runner.invocation import Invocation
from fnq_runner.slot import Slots

__all__ = ["Docket"]


class Docket:
    """Keep count of the runner's invocations. All methods may be called from any thread."""

    def __init__(self, concurrency: int) -> None:
        self._lock = threading.RLock()
        self._slots = Slots(concurrency)
        self._queue: dict[int, deque[Invocation]] = {}
        self._live: dict[bytes, Invocation] = {}
        self.draining = False

    @property
    def queued(self) -> bool:
        """Whether something waits to begin."""
        return bool(self._queue)

    @property
    def finished(self) -> bool:
        """Whether the runner drains and nothing runs."""
        return self.draining and not self._live

    def arrive(self, invocation: Invocation) -> None:
        """Queue what was dispatched."""
        with self._lock:
            self._queue.setdefault(invocation.depth, deque()).append(invocation)

    def startable(self) -> bool:
        """Return whether something may begin now."""
        with self._lock:
            return any(self._slots.fit(depth) for depth in self._queue)

    def fits(self, depth: int) -> bool:
        """Return whether there is a slot for a call at `depth` now."""
        with self._lock:
            return self._slots.fit(depth)

    def take(self) -> Invocation | None:
        """Return what is to begin now, the deepest first; None if nothing may."""
        if not self._queue:
            return None
        with self._lock:
            for depth in sorted(self._queue, reverse=True):
                slot = self._slots.begin(depth)
                if slot is not None:
                    invocation = self._pop(depth)
                    invocation.slot = slot
                    self._live[invocation.call] = invocation
                    return invocation
        return None

    def find(self, call: bytes) -> Invocation | None:
        """Return what runs for a call; of two dispatches of it the later one."""
        return self._live.get(call)

    def withdraw(self, call: bytes, epoch: int) -> Invocation | None:
        """Take a dispatch that has not begun out of the queue."""
        with self._lock:
            for depth, waiting in self._queue.items():
                for invocation in waiting:
                    if invocation.call == call and invocation.epoch == epoch:
                        waiting.remove(invocation)
                        if not waiting:
                            del self._queue[depth]
                        return invocation
        return None

    def credit(self, call: bytes, chunks: int, size: int) -> None:
        """Raise the totals that a generator, running or queued, may emit."""
        with self._lock:
            known = [each for queue in self._queue.values() for each in queue if each.call == call]
            if call in self._live:
                known.append(self._live[call])
        for each in known:
            each.grant(chunks, size)

    def drain(self) -> list[Invocation]:
        """Begin nothing more; return what was queued."""
        with self._lock:
            self.draining = True
            waiting = [each for queue in self._queue.values() for each in queue]
            self._queue.clear()
            return waiting

    def wait(self, invocation: Invocation) -> bool:
        """Note one more nested call that it waits for; return whether its slot is now lent."""
        with self._lock:
            invocation.waits += 1
            if invocation.waits > 1 or invocation.slot is None:
                return False
            self._slots.wait(invocation.slot)
            return True

    def resume(self, invocation: Invocation) -> bool:
        """Note one wait less; return whether its slot is now its own again."""
        with self._lock:
            invocation.waits -= 1
            if invocation.waits or invocation.slot is None:
                return False
            self._slots.resume(invocation.slot)
            return True

    def close(self, invocation: Invocation) -> bool:
        """Let one end be told; return whether it is the first."""
        with self._lock:
            first = not invocation.ended
            invocation.ended = True
            return first

    def forget(self, invocation: Invocation) -> None:
        """Count it as running no longer, though it holds its slot."""
        with self._lock:
            if self._live.get(invocation.call) is invocation:
                del self._live[invocation.call]

    def release(self, invocation: Invocation) -> None:
        """Give back the slot of what has ended and told its end, waits of its threads and all."""
        with self._lock:
            if self._live.get(invocation.call) is invocation:
                del self._live[invocation.call]
            slot, invocation.slot = invocation.slot, None
            if slot is None:
                return
            if invocation.waits:
                self._slots.resume(slot)
            self._slots.end(slot, invocation.depth)

    def _pop(self, depth: int) -> Invocation:
        waiting = self._queue[depth]
        invocation = waiting.popleft()
        if not waiting:
            del self._queue[depth]
        return invocation
