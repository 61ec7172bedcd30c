"""Which agent gets which call: the lowest replica that has room for it."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator

from fnq.v1 import worker_pb2
from fnq_consumer.attachment import Attachment
from fnq_consumer.deadlines import Deadlines
from fnq_consumer.held import Held
from fnq_consumer.ledger import Ledger

__all__ = ["Dispatcher"]


class Dispatcher:
    """The agents attached for one version, and the calls that wait for room at them.

    The last station of a call (see `station`). It prefers the lowest replica, so that the
    others fall idle first.
    """

    def __init__(self, ledger: Ledger, deadlines: Deadlines) -> None:
        self._ledger = ledger
        self._deadlines = deadlines
        self._attachments: list[Attachment] = []
        self._ready: deque[Held] = deque()
        self._closed = False
        #: Number of the last batch.
        self._batch = 0

    @property
    def attended(self) -> bool:
        """Whether an agent is attached."""
        return bool(self._attachments)

    def attach(self, attachment: Attachment) -> None:
        """Send calls to an agent from now on."""
        self._attachments.append(attachment)
        self._attachments.sort(key=lambda each: each.replica)

    def detach(self, attachment: Attachment) -> None:
        """Send an agent no more calls."""
        if attachment in self._attachments:
            self._attachments.remove(attachment)

    def rooms(self) -> dict[int, int]:
        """Return the room of all agents together, by least depth."""
        total: Counter[int] = Counter()
        for attachment in self._attachments:
            total.update(attachment.rooms.open())
        return total

    def rooms_at(self, depth: int) -> int:
        """Return how many calls at this depth, or batches of them, there is room for."""
        return 0 if self._closed else sum(n for least, n in self.rooms().items() if least <= depth)

    def send_together(self, batch: list[Held]) -> None:
        """Dispatch calls of one depth as a batch, to one agent; there is room for it."""
        depth = batch[0].call.depth
        attachment = next(each for each in self._attachments if each.rooms.admits(depth))
        self._batch += 1
        dispatches = [self._dispatch_of(held) for held in batch]
        for held, dispatch in zip(batch, dispatches, strict=True):
            held.attachment, held.first_row = attachment, held.rows
            dispatch.batch, dispatch.batch_size = self._batch, len(batch)
        attachment.dispatch_together(dispatches)

    def put(self, held: Held) -> None:
        """Dispatch a call, or keep it until there is room."""
        self._ready.append(held)
        self.feed()

    def feed(self) -> None:
        """Dispatch what there is room for now."""
        for _ in range(len(self._ready)):
            self._dispatch_or_wait(self._ready.popleft())

    def take_out(self, held: Held) -> bool:
        """Remove a call that waits here; False when it does not."""
        try:
            self._ready.remove(held)
        except ValueError:
            return False
        return True

    def waiting(self) -> dict[str, list[Held]]:
        """Return the calls that wait here, by stream."""
        found: defaultdict[str, list[Held]] = defaultdict(list)
        for held in self._ready:
            found[held.stream].append(held)
        return found

    def close(self) -> Iterator[Held]:
        """Dispatch nothing more; yield what waits, and let go of it."""
        self._closed = True
        while self._ready:
            yield self._ready.popleft()

    def _dispatch_or_wait(self, held: Held) -> None:
        if not self._ledger.holds(held):
            return  # It has ended, or its current run is another one.
        stays = self._closed or self._is_late(held)
        for attachment in self._attachments if not stays else ():
            if attachment.rooms.admits(held.call.depth):
                held.attachment, held.first_row = attachment, held.rows
                attachment.dispatch(self._dispatch_of(held))
                return
        self._ready.append(held)

    def _is_late(self, held: Held) -> bool:
        """Whether the deadline of a call passes in this moment: it must not begin."""
        return bool(held.call.remaining_ms) and self._deadlines.left_s(held) <= 0

    def _dispatch_of(self, held: Held) -> worker_pb2.Dispatch:
        dispatch = worker_pb2.Dispatch(
            stream=held.stream,
            entry=held.entry,
            epoch=held.count.epoch,
            deaths=held.count.deaths,
            call=held.call,
            attempt=held.count.attempt,
            first_row=held.rows,
        )
        if held.call.remaining_ms:
            dispatch.remaining_ms = max(1, int(self._deadlines.left_s(held) * 1000))
        return dispatch
