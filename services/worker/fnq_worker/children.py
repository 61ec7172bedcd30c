"""Nested calls: from the runner that makes them to a server, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fnq.v1 import result_pb2, session_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import FULL_TRIES, FullError
from fnq_core.service import Spawn
from fnq_wire import detached, failure, pipe
from fnq_wire.limits import INLINE
from fnq_wire.parcel import Data
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Frame, Kind
from fnq_wire.session import Event
from fnq_wire.spool import Spool
from fnq_worker.intake import drop, fill
from fnq_worker.mates import Mates
from fnq_worker.nest import Nest
from fnq_worker.questions import Questions
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from fnq_worker.workbench import Workbench

__all__ = ["Children"]

_PARENT_ENDED = "the call that made it has ended"


@dataclass(slots=True, eq=False)
class _Child:
    """A nested call in flight. `parent` is None for one made by no call, and a detached one."""

    call: bytes
    runner: Runner
    parent: Run | None
    detached: bool
    position: int = 0
    #: Its runner has heard of its end.
    ended: bool = False
    #: Why it was given up before it was offered to the server.
    cancelled: str = ""
    #: Totals that it may emit, where they came before it was offered.
    credit: tuple[int, int] | None = None


class Children:
    """The nested calls of this agent's runners.

    Attached ones end with the call that made them, those made by no call with
    their runner. `spawn` starts what takes a while.
    """

    def __init__(self, workbench: Workbench, spawn: Spawn) -> None:
        self._workbench = workbench
        self._spawn = spawn
        self.nest: Nest
        self.mates: Mates
        self.blobs: Blobs
        #: Those whose arguments are being written where the server finds them.
        self._unoffered: dict[bytes, _Child] = {}

    def submit(self, runner: Runner, frame: Frame) -> None:
        """Submit a nested call."""
        info, payload = pipe.read_submit(frame)
        parent = None
        if info.parent != pipe.NO_CALL and not info.detached:
            parent = self._workbench.get(info.parent, frame.epoch)
            if parent is None:
                drop(self.blobs, payload)
                self._refuse(runner, frame.call, "CallCancelledError", _PARENT_ENDED)
                return
        size, most = len(payload), self.blobs.most
        if size > most:
            drop(self.blobs, payload)
            text = f"the arguments of a nested call have {size} bytes, the most is {most}"
            self._refuse(runner, frame.call, "PayloadTooLargeError", text)
            return
        child = _Child(frame.call, runner, parent, info.detached)
        if parent is not None:
            parent.children.add(frame.call)
        submission = _submission(frame, info)
        whose = self._workbench.get(info.parent, frame.epoch)
        if whose is not None:
            # A batch calls on behalf of its first member.
            submission.parent = whose.call.call
        if isinstance(payload, bytes) and size > INLINE:
            self._unoffered[child.call] = child
            self._spawn(self._store_and_offer(child, submission, payload), "store arguments")
        else:
            fill(submission.payload, payload)
            self._offer(child, submission)

    async def _store_and_offer(
        self, child: _Child, submission: session_pb2.Submission, payload: bytes
    ) -> None:
        """Put large arguments where the server finds them, then submit the call."""
        try:
            reference = await self.blobs.write(payload, full_tries=FULL_TRIES)
        except FullError as problem:
            self._drop(child, "QueueFullError", problem.advice)
            return
        finally:
            del self._unoffered[child.call]
        if child.cancelled:
            self._drop(child, "CallCancelledError", child.cancelled)
            await self.blobs.delete([reference])
            return
        submission.payload.reference.CopyFrom(reference)
        self._offer(child, submission)

    def _drop(self, child: _Child, error: str, message: str) -> None:
        """Fail a call that was not offered."""
        end = result_pb2.End(failure=failure.to_proto(failure.make(error, message)))
        self._tell(child, Event(child, [], end, None))

    def _offer(self, child: _Child, submission: session_pb2.Submission) -> None:
        session = self.nest.session
        session.submit(submission, child)
        if child.credit is not None:
            session.credit(child.call, *child.credit)
        self.nest.wake()

    def watch(self, runner: Runner, frame: Frame) -> None:
        """Pass on what a detached call yields, and its end, to a runner."""
        call, end_only = detached.read_watch(frame)
        child = _Child(frame.call, runner, None, detached=False, position=frame.number)
        session = self.nest.session
        session.watch(frame.call, call, child, frame.number, end_only=end_only)
        self.nest.wake()

    def _refuse(self, runner: Runner, call: bytes, error: str, message: str) -> None:
        runner.send(pipe.encode_json(Kind.CHILD_FAILED, failure.make(error, message), call))

    def credit(self, frame: Frame) -> None:
        """Let a nested generator run on."""
        size = int.from_bytes(frame.body, "little")
        child = self._unoffered.get(frame.call)
        if child is not None:
            child.credit = (frame.number, size)
            return
        self.nest.session.credit(frame.call, frame.number, size)
        self.nest.wake()

    def cancel(self, call: bytes, reason: str = "its caller gave it up") -> None:
        """End a nested call."""
        child = self._unoffered.get(call)
        if child is not None:
            child.cancelled = reason
            return
        self.nest.session.cancel(call, reason)
        self.nest.wake()

    def cancel_all(self, run: Run) -> None:
        """End the nested calls of a run that ended."""
        for call in run.children:
            self.cancel(call, _PARENT_ENDED)
        run.children.clear()

    def bury(self, runner: Runner) -> None:
        """End what a runner that died has called on behalf of no call, but for detached calls."""
        for child in (*self.nest.session.sinks(), *self._unoffered.values()):
            assert isinstance(child, _Child)
            if child.runner is runner and child.parent is None and not child.detached:
                self.cancel(child.call, "the process that made it was lost")

    def lend(self, spool: Spool, name: str, size: int, sink: object) -> Data:
        """Open a large value for the runner that waits for it, which reads it by itself."""
        assert isinstance(sink, _Child)
        return Spooled(spool.lend(name, sink.runner.token), size)

    def deliver(self, event: Event) -> None:
        """Pass news of a nested call on to its runner."""
        child = event.sink
        assert isinstance(child, _Child)
        self._tell(child, event)

    def _tell(self, child: _Child, event: Event) -> None:
        if child.ended:
            return
        for chunk in event.chunks:
            frame = pipe.encode(Kind.CHILD_CHUNK, child.call, 0, child.position, _sent(chunk))
            child.runner.send(frame)
            child.position += 1
        if event.end is not None:
            child.ended = True
            if child.parent is not None:
                child.parent.children.discard(child.call)
            child.runner.send(_ending(child.call, event))

    def request(self, runner: Runner, frame: Frame) -> None:
        """Answer what a runner asks of the control plane."""
        asked = pipe.read_json(frame)
        self._spawn(self._answer(runner, frame.number, asked), "answer")

    async def _answer(self, runner: Runner, number: int, asked: Mapping[str, Any]) -> None:
        answer = await Questions(self.nest, self.mates).answer(asked)
        runner.send(pipe.encode_json(Kind.ANSWER, answer, number=number))


def _submission(frame: Frame, info: pipe.SubmitInfo) -> session_pb2.Submission:
    """Return what a server is told of a nested call, but for its payload."""
    submission = session_pb2.Submission(
        call=frame.call,
        version=info.version,
        depth=frame.number,
        parent=info.parent,
        parent_epoch=frame.epoch,
        remaining_ms=info.remaining_ms,
        rows=info.rows,
        detached=info.detached,
        root=info.root,
        repeatable=info.repeatable,
        set=info.set,
        packed=info.packed,
        divergent=info.divergent or info.packed,
    )
    if info.terms:
        terms = detached.read_terms(info)
        submission.timeout_ms = terms["timeout_ms"]
        submission.key, submission.digest = terms["key"], bytes.fromhex(terms["digest"])
        submission.tags.update(terms["tags"])
    return submission


def _ending(call: bytes, event: Event) -> bytes:
    assert event.end is not None
    if event.value is not None:
        return pipe.encode(Kind.CHILD_VALUE, call, 0, 0, _sent(event.value))
    if event.end.exhausted:
        return pipe.encode(Kind.CHILD_EXHAUSTED, call)
    envelope = failure.from_proto(event.end.failure)
    return pipe.encode_json(Kind.CHILD_FAILED, envelope, call, 0, event.attempt)


def _sent(data: Data) -> bytes | Spooled:
    """Return what goes through the pipe: an agent maps no values."""
    assert not isinstance(data, memoryview)
    return data
