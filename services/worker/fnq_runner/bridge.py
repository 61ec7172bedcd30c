"""The session of a runner: calls leave the process through the pipe to the agent."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalkcompute.inflight import Inflight, Outcome, Target
from fnq_runner.docket import Docket
from fnq_runner.host import Host, News
from fnq_runner.invocation import CURRENT, Invocation
from fnq_runner.pipe import Pipe
from fnq_wire import callid, failure
from fnq_wire.error import (
    ConnectionLostError,
    DeployError,
    NestingTooDeepError,
    NotFoundError,
    NotReadyError,
    PayloadTooLargeError,
)
from fnq_wire.limits import MAX_DEPTH, MOST_SPOOLED
from fnq_wire.pipe import (
    NO_CALL,
    Frame,
    Kind,
    SubmitInfo,
    encode,
    encode_json,
    encode_submit,
    read_json,
)

if TYPE_CHECKING:
    from chalkcompute.port import Parameters
    from fnq.v1 import spec_pb2

__all__ = ["PipeSession"]

_SIZE = struct.Struct("<Q")
#: Seconds that the agent's answer about readiness may be later than the time-out
#: that it was told: the cause that it names is worth the wait.
_GRACE = 2.0


class PipeSession:
    """Carry nested calls; see `chalkcompute.port.Session` for what its methods promise.

    A call made by an invocation is its child: it names it as parent, is one deeper,
    and has the time that its parent has left. One made by nobody (at import, or in
    a thread or task that outlives its invocation) is a root.
    """

    def __init__(self, pipe: Pipe, docket: Docket, host: Host) -> None:
        self._pipe = pipe
        self._docket = docket
        self._host = host
        self._sets: dict[int, dict[str, Target]] = {}
        #: The set of calls that name none, and of what is called at import.
        self._latest = 0
        self._lock = threading.RLock()
        self._children: dict[bytes, Inflight] = {}
        self._requests: dict[int, News] = {}
        self._asked = 0
        self._tag = 0
        self._offset_ms = 0
        self._seq = 0
        #: Bytes of the largest value that may be sent.
        self._most = MOST_SPOOLED
        self._granted = False
        self._ungranted: list[News] = []
        self._forked = False

    def submit(self, target: Target, payload: bytes) -> Inflight:
        """Send a call. A unary one is written by the wait for it, which follows."""
        self._check_process()
        if len(payload) > self._most:
            raise PayloadTooLargeError(
                f"the arguments of {target.name} have {len(payload)} bytes, "
                f"the most is {self._most}",
                function=target.name,
            )
        shielded = self._host.shield()
        try:
            return self._submit(target, payload)
        finally:
            self._host.expose(shielded)

    def park(self, inflight: Inflight, timeout: float | None) -> bool:
        def ready() -> bool:
            return bool(inflight.chunks) or inflight.outcome is not None

        if ready():
            return True
        self._check_process()
        shielded = self._host.shield()
        try:
            lender = self._lend()
            self._host.flush()
            try:
                return self._host.wait(inflight, ready, timeout)
            finally:
                self._reclaim(lender)
        finally:
            self._host.expose(shielded)

    async def park_async(self, inflight: Inflight) -> None:
        def ready() -> bool:
            return bool(inflight.chunks) or inflight.outcome is not None

        if ready():
            return
        shielded = self._host.shield()
        lender = self._lend()
        self._host.flush()
        try:
            self._host.expose(shielded)
            await self._host.wait_async(inflight, ready)
        finally:
            shielded = self._host.shield()
            self._reclaim(lender)
            self._host.expose(shielded)

    def credit(self, inflight: Inflight, chunks: int, size: int) -> None:
        self._say(encode(Kind.CHILD_CREDIT, inflight.call, 0, chunks, _SIZE.pack(size)))

    def cancel(self, inflight: Inflight) -> None:
        if self._children.pop(inflight.call, None) is not None:
            self._say(encode(Kind.CHILD_CANCEL, inflight.call))

    def lookup(self, name: str, number: int | None) -> tuple[Target, Parameters]:
        answer = self._ask({"verb": "lookup", "name": name, "number": number}, name, None)
        target = Target(
            version=answer["version"],
            name=answer["name"],
            kind=answer["kind"],
            number=answer["number"],
            repeatable=answer["repeatable"],
            set=answer["set"],
        )
        return target, [(each[0], each[1], each[2]) for each in answer["parameters"]]

    def resolve(self, name: str) -> Target:
        invocation = CURRENT.get()
        members = self._latest if invocation is None else invocation.set or self._latest
        if members not in self._sets:
            self._learn(members, self._ask({"verb": "mates", "set": members}, name, None))
        mate = self._sets[members].get(name)
        if mate is None:
            known = ", ".join(sorted(self._sets[members])) or "none"
            raise NotFoundError(
                f"function {name!r} was not deployed in one set with this one; "
                f"functions of the set: {known}",
                function=name,
            )
        return mate

    def wait_ready(self, target: Target, timeout: float | None) -> None:
        question = {
            "verb": "wait_ready",
            "name": target.name,
            "version": target.version,
            "timeout_s": timeout,
        }
        self._ask(question, target.name, timeout)

    def deploy(
        self, specs: Sequence[spec_pb2.FunctionSpec], bundles: Mapping[str, bytes]
    ) -> list[tuple[str, int]]:
        raise DeployError("a worker deploys nothing: expected deploys from a script only")

    @property
    def active(self) -> frozenset[str]:
        """Nothing: a worker deploys nothing."""
        return frozenset()

    def learn(self, members: int, mates: Mapping[str, Mapping[str, Any]]) -> None:
        """Take note of the latest set and of what is in it."""
        self._latest = members
        self._learn(members, mates)

    def _learn(self, members: int, mates: Mapping[str, Mapping[str, Any]]) -> None:
        self._sets[members] = {
            name: Target(
                version=mate["version"],
                name=name,
                kind=mate["kind"],
                number=mate["number"],
                repeatable=mate["repeatable"],
                set=members,
            )
            for name, mate in mates.items()
        }

    def fork(self) -> None:
        """Note that this is a copy of the process, whose pipe is not its own."""
        self._forked = True

    def grant(self, frame: Frame) -> None:
        """Take the ids that child calls are made of, and the size that they may have."""
        granted = read_json(frame)
        with self._lock:
            self._tag, self._offset_ms = frame.number, int(granted["offset_ms"])
            self._seq, self._granted = int(granted["seq"]), True
            self._most = int(granted["most"])
            waiting, self._ungranted = self._ungranted, []
        for news in waiting:
            news.bring(True)

    def answer(self, frame: Frame) -> None:
        """Pass on the answer to a request; nobody may wait for it any more."""
        news = self._requests.pop(frame.number, None)
        if news is not None:
            news.bring(read_json(frame))

    def child(self, frame: Frame) -> None:
        """Pass on a chunk or the end of a child; what was cancelled is forgotten."""
        inflight = self._children.get(frame.call)
        if inflight is None:
            return
        if frame.kind == Kind.CHILD_CHUNK:
            inflight.push(frame.body)
            return
        del self._children[frame.call]
        if frame.kind == Kind.CHILD_VALUE:
            inflight.finish(Outcome(value=frame.body))
        elif frame.kind == Kind.CHILD_EXHAUSTED:
            inflight.finish(Outcome(exhausted=True))
        else:
            inflight.finish(Outcome(failure=read_json(frame)))

    def _submit(self, target: Target, payload: bytes) -> Inflight:
        parent = _parent()
        depth = 0 if parent is None else parent.depth + 1
        if depth >= MAX_DEPTH:
            raise NestingTooDeepError(
                f"the call of {target.name!r} would have {MAX_DEPTH} calls waiting above it: "
                f"nested calls may be {MAX_DEPTH} levels deep",
                function=target.name,
            )
        if not self._granted:
            self._await_grant()
        call = self._next_id(target.version)
        info = SubmitInfo(
            parent=NO_CALL if parent is None else parent.call,
            root=call if parent is None else parent.root,
            remaining_ms=0 if parent is None else parent.remaining_ms(),
            detached=False,
            repeatable=target.repeatable,
            version=target.version,
            set=target.set,
        )
        inflight = self._children[call] = Inflight(call)
        epoch = 0 if parent is None else parent.epoch
        self._pipe.post(encode_submit(call, epoch, depth, info, payload))
        if target.streams:
            self._host.flush()
        return inflight

    def _next_id(self, version: str) -> bytes:
        with self._lock:
            seq = self._seq
            # May begin again: the milliseconds have moved on by then.
            self._seq = (seq + 1) % callid.SEQ_LIMIT
            tag, offset_ms = self._tag, self._offset_ms
        return callid.make(time.time_ns() // 1_000_000 + offset_ms, version, tag, seq)

    def _await_grant(self) -> None:
        news = News()
        with self._lock:
            if self._granted:
                return
            self._ungranted.append(news)
        self._host.flush()
        self._host.wait(news, news.ready, None)

    def _ask(self, question: Mapping[str, object], name: str, timeout: float | None) -> Any:
        """Return the agent's answer; raise the error that it holds."""
        self._check_process()
        shielded = self._host.shield()
        news = News()
        with self._lock:
            self._asked += 1
            number = self._asked
        self._requests[number] = news
        try:
            self._pipe.send(encode_json(Kind.REQUEST, question, number=number))
            late = None if timeout is None else timeout + _GRACE
            if not self._host.wait(news, news.ready, late):
                raise NotReadyError(
                    f"function {name!r}: no answer within {timeout} s", function=name
                )
        finally:
            self._requests.pop(number, None)
            self._host.expose(shielded)
        answer = news.value
        assert isinstance(answer, dict)
        if "failure" in answer:
            raise failure.revive(answer["failure"], call_id="", function=name, attempt=0)
        return answer["ok"]

    def _say(self, frame: bytes) -> None:
        if self._forked:
            return
        shielded = self._host.shield()
        try:
            self._pipe.post(frame)
            self._host.flush()
        finally:
            self._host.expose(shielded)

    def _check_process(self) -> None:
        if self._forked:
            raise ConnectionLostError(
                "a function was called in a process forked by another function: expected calls "
                "in the process that runs the function only"
            )

    def _lend(self) -> Invocation | None:
        """Lend the slot of the running invocation while it waits."""
        lender = _parent()
        if lender is not None and self._docket.wait(lender):
            self._pipe.post(encode(Kind.LEND, lender.call, lender.epoch, lender.depth + 1))
        return lender

    def _reclaim(self, lender: Invocation | None) -> None:
        if lender is not None and self._docket.resume(lender) and not lender.ended:
            self._pipe.post(encode(Kind.RECLAIM, lender.call, lender.epoch))
            self._host.flush()


def _parent() -> Invocation | None:
    """Return the invocation that a call is made for; one that has ended makes none."""
    invocation = CURRENT.get()
    return None if invocation is None or invocation.ended else invocation
