"""Runs that go to the runner together, in one invocation of the function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fnq.v1 import record_pb2, worker_pb2
from fnq_wire.batchframe import BatchMember, encode_batch
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Frame, FrameError, Kind
from fnq_worker.run import Run

__all__ = ["Batch", "Batches"]


@dataclass(slots=True, eq=False)
class Batch(Run):
    """What the runner has of a batch: one slot, one start, one time limit.

    Its members are runs of their own, which end one by one; it ends after them. They are
    not sent and have no runner themselves. It passes for its first member, but for its
    address.
    """

    members: list[Run] = field(default_factory=list)
    number: bytes = b""

    @property
    def address(self) -> bytes:
        """What its frames name in the place of a call: no id of a call looks like it."""
        return self.number

    @property
    def parts(self) -> tuple[Run, ...]:
        """The members that have not ended."""
        return tuple(each for each in self.members if not each.ended)

    @property
    def careful(self) -> bool:
        """Whether its items run one by one, in the order of its members."""
        return any(each.careful for each in self.members)

    @property
    def blamed(self) -> tuple[Run, ...]:
        """All that have not ended; where they run one by one, the one whose turn it was."""
        return self.parts[:1] if self.careful else self.parts

    @property
    def deserted(self) -> bool:
        """Whether it runs for nobody: all its members have ended."""
        return self.sent and not (self.ended or self.parts)

    @property
    def moot(self) -> bool:
        """Whether all its members have ended before it went to the runner."""
        return not (self.sent or self.ended or self.parts)

    def closing(self, frame: Frame) -> list[Frame]:
        """Return the ends of members that the end of the whole amounts to.

        Raises FrameError where that is no failure and members have no end.
        """
        left = self.parts
        if left and frame.kind != Kind.FAILED and self.foregone is None:
            raise FrameError("a batch has ended, and some of its calls have not")
        body = frame.body or b"{}"
        return [Frame(Kind.FAILED, each.call.call, each.epoch, 0, body) for each in left]

    def frame_of(self, payloads: Sequence[tuple[Run, bytes | Spooled]]) -> bytes:
        """Return what the runner is sent: members, and the arguments of each."""
        deadlines = [run.deadline for run, _ in payloads]
        self.deadline = max(deadlines) if all(deadlines) else 0.0
        info = self.info()
        info.packed, info.first_row = False, 0
        members = [
            BatchMember(
                *(run.call.call, run.epoch, data),
                *(run.call.packed, run.rows, run.call.rows or 1),
            )
            for run, data in payloads
        ]
        return encode_batch(self.address, self.epoch, self.call.depth, info, members)


class Batches:
    """The batches of one agent, from the first dispatch of each to its end. Pure."""

    def __init__(self) -> None:
        #: By number, what has come of them; sizes too.
        self._coming: dict[int, list[Run]] = {}
        self._known: dict[bytes, Batch] = {}
        self._last = 0

    def __iter__(self) -> Iterator[Batch]:
        """Yield those that are complete and have not ended."""
        return iter(tuple(self._known.values()))

    def get(self, address: bytes) -> Batch | None:
        """Return the batch with this address, unless it has ended."""
        return self._known.get(address)

    def join(self, run: Run, dispatch: worker_pb2.Dispatch) -> Batch | None:
        """Take up a member; return the batch where it is the last that was missing."""
        come = self._coming.setdefault(dispatch.batch, [])
        come.append(run)
        if len(come) < dispatch.batch_size:
            return None
        return self._complete(self._coming.pop(dispatch.batch))

    def close(self) -> list[Batch]:
        """Return those that wait for members as they are: the rest went elsewhere.

        One whose members have all ended meanwhile is none.
        """
        coming, self._coming = self._coming, {}
        whole = [come for come in coming.values() if not all(run.ended for run in come)]
        return [self._complete(come) for come in whole]

    def _complete(self, members: list[Run]) -> Batch:
        first = members[0]
        self._last += 1
        batch = Batch(
            first.stream,
            first.entry,
            first.epoch,
            first.deaths,
            record_pb2.Entry(),
            attempt=first.attempt,
            members=members,
            number=self._last.to_bytes(16, "big"),
        )
        batch.call.CopyFrom(first.call)
        for own in ("payload", "timeout_ms"):
            batch.call.ClearField(own)
        for each in members:
            each.batch = batch
        self._known[batch.address] = batch
        return batch

    def forget(self, batch: Batch) -> None:
        """Let go of one that has ended."""
        del self._known[batch.address]
