"""What a detached generator has yielded and yields, as any number of readers see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from chalkcompute.stream import Stream
from fnq_wire.limits import WINDOW_CHUNKS

if TYPE_CHECKING:
    from chalkcompute.reply import Reply

__all__ = ["KeptStream"]

T_co = TypeVar("T_co", covariant=True)


class KeptStream(Stream[T_co]):
    """The chunks of a detached call from a position on; see `Stream`.

    Leaving or closing it ends this reader, not the call: `call.stream(after=...)` gives
    another one.
    """

    _left_text = "this reader was left before its end, by a loop or a wait that ended early"

    def __init__(self, reply: Reply, after: int) -> None:
        super().__init__(reply)
        # What is granted is a position.
        self._chunks, self._granted_chunks = after, after + WINDOW_CHUNKS
