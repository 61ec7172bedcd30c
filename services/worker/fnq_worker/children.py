"""Nested calls: from the runner that makes them to a server, and back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from fnq.v1 import result_pb2, session_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import FULL_TRIES, FullError
from fnq_core.service import Spawn
from fnq_wire import failure, pipe
from fnq_wire.limits import INLINE
from fnq_wire.parcel import read
from fnq_wire.pipe import Frame, Kind
from fnq_wire.session import Event
from fnq_wire.version import is_repeatable
from fnq_worker.mates import Mates
from fnq_worker.nest import Nest
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
    #: News that wait for a large value to be read.
    news: deque[Event] = field(default_factory=deque)


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
                self._refuse(runner, frame.call, "CallCancelledError", _PARENT_ENDED)
                return
        if len(payload) > self.blobs.most:
            text = (
                f"the arguments of a nested call have {len(payload)} bytes, "
                f"the most is {self.blobs.most}"
            )
            self._refuse(runner, frame.call, "PayloadTooLargeError", text)
            return
        child = _Child(frame.call, runner, parent, info.detached)
        if parent is not None:
            parent.children.add(frame.call)
        submission = session_pb2.Submission(
            call=frame.call,
            version=info.version,
            depth=frame.number,
            parent=info.parent,
            parent_epoch=frame.epoch,
            remaining_ms=info.remaining_ms,
            rows=1,
            detached=info.detached,
            root=info.root,
            repeatable=info.repeatable,
            set=info.set,
        )
        if len(payload) > INLINE:
            self._unoffered[child.call] = child
            self._spawn(self._store_and_offer(child, submission, payload), "store arguments")
        else:
            submission.payload.inline = payload
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

    def deliver(self, event: Event) -> None:
        """Pass news of a nested call on to its runner."""
        child = event.sink
        assert isinstance(child, _Child)
        if not child.news and _is_read(event):
            self._tell(child, event)
            return
        child.news.append(event)
        if len(child.news) == 1:
            self._spawn(self._read_and_tell(child), "read a result")

    async def _read_and_tell(self, child: _Child) -> None:
        """Pass on news with large values, and what comes behind them, in their order."""
        while child.news:
            try:
                event = await asyncio.to_thread(_read, child.news[0])
            except OSError as problem:
                text = f"a large value cannot be read: {problem}"
                self._refuse(child.runner, child.call, "ResultExpiredError", text)
                child.ended = True
                child.news.clear()
                self.cancel(child.call, text)
                return
            self._tell(child, event)
            child.news.popleft()

    def _tell(self, child: _Child, event: Event) -> None:
        if child.ended:
            return
        for chunk in event.chunks:
            frame = pipe.encode(Kind.CHILD_CHUNK, child.call, 0, child.position, read(chunk))
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
        verbs = {"lookup": self._lookup, "mates": self._mates, "wait_ready": self._wait_ready}
        try:
            answer = await _told(verbs[str(asked.get("verb"))](asked))
        except (KeyError, TypeError, ValueError) as problem:
            answer = _refusal("ProtocolError", f"no such request: {asked!r}: {problem!r}")
        runner.send(pipe.encode_json(Kind.ANSWER, answer, number=number))

    async def _lookup(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await self.nest.lookup(str(asked["name"]), int(asked.get("number") or 0))
        spec = found.spec
        answer = {
            "version": found.id,
            "name": spec.name,
            "kind": spec.kind,
            "number": found.number,
            "repeatable": is_repeatable(spec),
            "set": found.set,
            "parameters": [[each.name, each.kind, each.required] for each in spec.parameters],
        }
        return {"ok": answer}

    async def _mates(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ok": await self.mates.of(int(asked["set"]))}

    async def _wait_ready(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        name, timeout_s = asked["name"], asked.get("timeout_s")
        ready = await self.nest.wait_ready(str(asked["version"]), timeout_s)
        if ready.state == "ready":
            return {"ok": True}
        if ready.state == "waiting":
            text = f"{name} was not ready within {timeout_s} s: {ready.reason}"
        else:
            text = f"{name} cannot run: {ready.reason}"
        return _refusal("NotReadyError", f"{text}\n{ready.traceback}".rstrip())


async def _told(work: Coroutine[Any, Any, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return what `work` answers, or the failure that a refusal of the server amounts to."""
    try:
        return await work
    except grpc.aio.AioRpcError as problem:
        missing = problem.code() is grpc.StatusCode.NOT_FOUND
        error = "NotFoundError" if missing else "ConnectionLostError"
        return _refusal(error, problem.details() or "")


def _refusal(error: str, message: str) -> Mapping[str, Any]:
    return {"failure": failure.make(error, message)}


def _is_read(event: Event) -> bool:
    """Return whether no value of the news lies in a file."""
    return all(isinstance(data, bytes) for data in (*event.chunks, event.value or b""))


def _read(event: Event) -> Event:
    """Return the news with every value read."""
    value = None if event.value is None else read(event.value)
    return event._replace(chunks=[read(chunk) for chunk in event.chunks], value=value)


def _ending(call: bytes, event: Event) -> bytes:
    assert event.end is not None
    if event.value is not None:
        return pipe.encode(Kind.CHILD_VALUE, call, 0, 0, read(event.value))
    if event.end.exhausted:
        return pipe.encode(Kind.CHILD_EXHAUSTED, call)
    return pipe.encode_json(Kind.CHILD_FAILED, failure.from_proto(event.end.failure), call)
