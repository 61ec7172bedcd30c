"""What a client wants to hear of detached calls, until a server has been told. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from fnq.v1 import session_pb2
from fnq_wire.pending import Pending

__all__ = ["Wishes"]

#: Wishes in one frame.
_MOST = 10_000


class Wishes:
    """Watches that wait to be sent; each is a `Pending` of its own."""

    def __init__(self) -> None:
        self._waiting: deque[Pending] = deque()
        #: Those that are wanted no more. Only noted: finalizers withdraw wishes, in the middle
        #: of whatever the session is at.
        self._withdrawn: deque[Pending] = deque()

    def __bool__(self) -> bool:
        """Whether any waits to be sent, or to be forgotten."""
        return bool(self._waiting or self._withdrawn)

    def make(
        self, identity: bytes, call: bytes, sink: object, after: int, end_only: bool
    ) -> Pending:
        """Return a new one, which is to be sent."""
        pending = Pending(identity, sink, session_pb2.Submission(), 0, repeatable=False)
        pending.watched, pending.position, pending.end_only = call, after, end_only
        self._waiting.append(pending)
        return pending

    def withdraw(self, pending: Pending) -> None:
        """Have a wish forgotten soon; may be repeated."""
        self._withdrawn.append(pending)

    def withdrawn(self, calls: Mapping[bytes, Pending]) -> Iterator[Pending]:
        """Take out what was withdrawn and is one of `calls` still."""
        while self._withdrawn:
            pending = self._withdrawn.popleft()
            if pending.call in calls:
                yield pending

    def again(self, calls: Iterable[Pending]) -> None:
        """Have all sent anew: another stream begins."""
        self._waiting = deque(each for each in calls if each.watched)
        for pending in self._waiting:
            pending.waiting = True

    def take(self, frame: session_pb2.ClientFrame, calls: Mapping[bytes, Pending]) -> None:
        """Put into a frame those of `calls`, behind what was submitted: a server knows it then."""
        for _ in range(min(len(self._waiting), _MOST)):
            pending = self._waiting.popleft()
            if pending.call in calls:
                pending.waiting = False
                frame.watches.append(pending.watch())
