"""Nested calls: from the runner that makes them to a server, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from fnq.v1 import session_pb2
from fnq_wire import failure, pipe
from fnq_wire.parcel import read
from fnq_wire.pipe import Frame, Kind
from fnq_wire.session import Event
from fnq_wire.spool import INLINE, MOST_CHUNKED, MOST_SPOOLED
from fnq_worker.nest import Nest
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from fnq_worker.workbench import Workbench

__all__ = ["Family"]


@dataclass(slots=True, eq=False)
class _Child:
    """A nested call in flight."""

    call: bytes
    runner: Runner
    parent: Run | None
    position: int = 0


class Family:
    """The nested calls of this agent's runners."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench
        self.nest: Nest
        self._answers: set[asyncio.Task[None]] = set()

    def submit(self, runner: Runner, frame: Frame) -> None:
        """Submit a nested call."""
        info, payload = pipe.read_submit(frame)
        most = MOST_CHUNKED if self.nest.session.spool is None else MOST_SPOOLED
        if len(payload) > most:
            text = f"the arguments of a nested call have {len(payload)} bytes, the most is {most}"
            refused = failure.make("PayloadTooLargeError", text)
            runner.send(pipe.encode_json(Kind.CHILD_FAILED, refused, frame.call))
            return
        parent = self._workbench.get(info.parent, frame.epoch)
        if parent is not None and not info.detached:
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
        )
        large = self._pack(submission, payload)
        self.nest.session.submit(submission, _Child(frame.call, runner, parent), large)
        self.nest.wake()

    def _pack(self, submission: session_pb2.Submission, payload: bytes) -> bytes | None:
        """Put a payload into its submission, or into the spool; return it where neither can be."""
        spool = self.nest.session.spool
        if len(payload) <= INLINE:
            submission.payload.inline = payload
        elif spool is None:
            return payload
        else:
            reference = submission.payload.reference
            reference.house, reference.size = reference.SPOOL, len(payload)
            reference.key = spool.write(payload)
        return None

    def credit(self, frame: Frame) -> None:
        """Let a nested generator run on."""
        size = int.from_bytes(frame.body, "little")
        self.nest.session.credit(frame.call, frame.number, size)
        self.nest.wake()

    def cancel(self, call: bytes) -> None:
        """End a nested call that its caller gave up."""
        self.nest.session.cancel(call, "its caller gave it up")
        self.nest.wake()

    def cancel_all(self, run: Run) -> None:
        """End the nested calls of a run that ended."""
        for call in run.children:
            self.nest.session.cancel(call, "the call that made it has ended")
        run.children.clear()
        self.nest.wake()

    def deliver(self, event: Event) -> None:
        """Pass news of a nested call on to its runner."""
        child = event.sink
        assert isinstance(child, _Child)
        for chunk in event.chunks:
            frame = pipe.encode(Kind.CHILD_CHUNK, child.call, 0, child.position, read(chunk))
            child.runner.send(frame)
            child.position += 1
        if event.end is not None:
            if child.parent is not None:
                child.parent.children.discard(child.call)
            child.runner.send(_ending(child.call, event))

    def request(self, runner: Runner, frame: Frame) -> None:
        """Answer what a runner asks of the control plane."""
        asked = pipe.read_json(frame)
        work = self._answer(runner, frame.number, asked)
        task = asyncio.get_running_loop().create_task(work)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, runner: Runner, number: int, asked: Mapping[str, Any]) -> None:
        await self.nest.granted()
        verbs = {"lookup": self._lookup, "wait_ready": self._wait_ready}
        verb = verbs.get(str(asked.get("verb")))
        if verb is None:
            answer: Mapping[str, Any] = _refusal("ProtocolError", f"no such request: {asked!r}")
        else:
            answer = await _told(verb(asked))
        runner.send(pipe.encode_json(Kind.ANSWER, answer, number=number))

    async def _lookup(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await self.nest.lookup(str(asked["name"]), int(asked.get("number") or 0))
        spec = found.spec
        answer = {
            "version": found.id,
            "name": spec.name,
            "kind": spec.kind,
            "number": found.number,
            "repeatable": spec.retry.attempts > 0,
            "parameters": [[each.name, each.kind, each.required] for each in spec.parameters],
        }
        return {"ok": answer}

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


def _ending(call: bytes, event: Event) -> bytes:
    assert event.end is not None
    if event.value is not None:
        return pipe.encode(Kind.CHILD_VALUE, call, 0, 0, read(event.value))
    if event.end.exhausted:
        return pipe.encode(Kind.CHILD_EXHAUSTED, call)
    return pipe.encode_json(Kind.CHILD_FAILED, failure.from_proto(event.end.failure), call)
