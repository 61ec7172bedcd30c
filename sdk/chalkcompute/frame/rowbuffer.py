"""The rows of a stream of batches: taken in pieces, and held until nobody asks for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

__all__ = ["RowBuffer"]

#: Seconds after which an entry does not wait for further batches of a slow input.
_PATIENCE_S = 0.01
#: Bytes of all columns after which an entry takes no further batches: those that ride along
#: with arguments may be many times as wide.
_HELD_BYTES = 16 << 20


class RowBuffer:
    """Batches as rows in order; `taken` is the number of the next row.

    Rows are held from when they are taken until they are delivered. An input that raises
    has ended; `problem` is what it raised.
    """

    def __init__(self, batches: Iterator[pa.RecordBatch], clock: Callable[[], float]) -> None:
        self._batches = batches
        self._clock = clock
        #: Rows that were read and not taken, and those that were taken and not delivered.
        self._ahead: deque[pa.RecordBatch] = deque()
        self._held: deque[pa.RecordBatch] = deque()
        self._delivered = 0
        self.taken = 0
        self.over = False
        self.problem: Exception | None = None
        #: Of the batches, once the first came.
        self.schema: pa.Schema | None = None

    def take(
        self, most: int, columns: Callable[[pa.RecordBatch], Sequence[str]], size: int
    ) -> list[pa.RecordBatch]:
        """Return the next rows, `most` at most; none when the input has ended.

        Of several rows `columns` have about `size` bytes at most, and all columns 16 MiB and
        a batch. It blocks as the input does.
        """
        pieces: list[pa.RecordBatch] = []
        deadline, room = self._clock() + _PATIENCE_S, _HELD_BYTES
        while min(most, size, room) > 0 and (not pieces or self._clock() < deadline):
            batch = self._next()
            if batch is None:
                break
            piece = batch[:most]
            weight = sum(piece.column(name).nbytes for name in columns(batch))
            if weight > size:
                piece = piece[: max(0 if pieces else 1, len(piece) * size // weight)]
            self._ahead[0] = batch[len(piece) :]
            if not len(piece):
                break
            pieces.append(piece)
            most, size, room = most - len(piece), size - weight, room - piece.nbytes
        self._held.extend(pieces)
        self.taken += sum(map(len, pieces))
        return pieces

    def put_back(self, count: int) -> None:
        """Have so many rows that were taken last taken again."""
        self.taken -= count
        while count > 0:
            piece = self._held.pop()
            keep = max(0, len(piece) - count)
            self._ahead.appendleft(piece[keep:])
            if keep:
                self._held.append(piece[:keep])
            count -= len(piece) - keep

    def row(self, number: int) -> pa.RecordBatch:
        """Return a row that is held, as a batch of one."""
        offset = number - self._delivered
        for piece in self._held:
            if offset < len(piece):
                return piece[offset : offset + 1]
            offset -= len(piece)
        raise IndexError(f"row {number} is not held")

    def deliver(self, count: int) -> list[pa.RecordBatch]:
        """Return the rows that were taken first, and hold them no more."""
        self._delivered += count
        found: list[pa.RecordBatch] = []
        while count > 0:
            piece = self._held.popleft()
            if len(piece) > count:
                self._held.appendleft(piece[count:])
                piece = piece[:count]
            found.append(piece)
            count -= len(piece)
        return found

    def close(self) -> None:
        """Let go of the input, as if it had ended; what is held stays."""
        self.over = True
        self._ahead.clear()

    def _next(self) -> pa.RecordBatch | None:
        """Return the batch with the next rows, which stays the first of those ahead."""
        while self._ahead and not len(self._ahead[0]):
            self._ahead.popleft()
        while not self._ahead and not self.over:
            try:
                batch = next(self._batches, None)
            except Exception as problem:  # noqa: BLE001 - the input is the user's; it is told later
                self.over, self.problem = True, problem
                return None
            if batch is None:
                self.over = True
            else:
                self.schema = self.schema or batch.schema
                if len(batch):
                    self._ahead.append(batch)
        return self._ahead[0] if self._ahead else None
