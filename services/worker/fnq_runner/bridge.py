"""The session of a runner: calls leave the process through the pipe to the agent."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalkcompute.inflight import Inflight, Outcome, Target, Terms, Watched
from fnq_runner import terms as terms_of
from fnq_runner.asking import Asking
from fnq_runner.depot import Depot, NoRoomError
from fnq_runner.docket import Docket
from fnq_runner.host import Host, News
from fnq_runner.invocation import CURRENT, Interrupted, Invocation
from fnq_runner.pipe import Pipe
from fnq_wire import callid, failure
from fnq_wire.detached import encode_watch
from fnq_wire.error import (
    DeployError,
    NestingTooDeepError,
    NotFoundError,
    PayloadTooLargeError,
)
from fnq_wire.limits import MAX_DEPTH, MOST_CHUNKED
from fnq_wire.pipe import (
    NO_CALL,
    Frame,
    Kind,
    SubmitInfo,
    encode,
    encode_submit,
    read_json,
    read_payload,
)

if TYPE_CHECKING:
    from chalkcompute.functions import Functions
    from chalkcompute.port import Deployed, Parameters
    from fnq.v1 import spec_pb2
    from fnq_wire.pieces import Payload

__all__ = ["PipeSession"]

_SIZE = struct.Struct("<Q")


class PipeSession(Asking):
    """Carry nested calls; see `chalkcompute.port.Session` for what its methods promise.

    A call made by an invocation is its child: it names it as parent, is one deeper,
    and has the time that its parent has left. One made by nobody (at import, or in
    a thread or task that outlives its invocation) is a root.
    """

    def __init__(self, pipe: Pipe, docket: Docket, host: Host, depot: Depot) -> None:
        super().__init__(pipe, host)
        self._docket = docket
        self._depot = depot
        self._sets: dict[int, dict[str, Target]] = {}
        #: The set of calls that name none, and of what is called at import.
        self._latest = 0
        self._children: dict[bytes, Inflight] = {}
        self._tag = 0
        self._offset_ms = 0
        #: Sequence numbers used so far, of `_count` from `_first` on.
        self._used = 0
        self._first = 0
        self._count = 1
        self._granted = False
        self._ungranted: list[News] = []

    def submit(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None = None,
        *,
        rows: int = 1,
        packed: bool = False,
    ) -> Inflight:
        """Send a call. A unary one is written by the wait for it, which follows."""
        return self._send(target, payload, terms, rows, packed=packed)

    def spawn(self, target: Target, payload: Payload, terms: Terms | None = None) -> Inflight:
        """Send a call that outlives this one; it is nobody's child."""
        return self._send(target, payload, terms, detached=True)

    def _send(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None,
        rows: int = 1,
        *,
        packed: bool = False,
        detached: bool = False,
    ) -> Inflight:
        self._check_process()
        _check_heard()
        text = f"the arguments of {target.name} have {len(payload)} bytes, the most is"
        if len(payload) > self._depot.most:
            raise PayloadTooLargeError(f"{text} {self._depot.most}", function=target.name)
        shielded = self._host.shield()
        try:
            return self._submit(target, payload, terms, rows, packed=packed, detached=detached)
        except NoRoomError as problem:
            raise PayloadTooLargeError(
                f"{text} {MOST_CHUNKED} without room in {problem}: free some", function=target.name
            ) from problem
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

    def watch(self, call: bytes, after: int = 0, *, end_only: bool = False) -> Watched:
        self._check_process()
        if not self._granted:
            self._await_grant()
        watched = Watched(self._next_id(callid.NO_VERSION))
        self._children[watched.call] = watched
        self._say(encode_watch(watched.call, call, after, end_only=end_only))
        return watched

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
            divergent=answer["divergent"],
            batch=answer.get("batch", 0),
            types=tuple(answer.get("types", ())),
            single=answer.get("single", False),
            returns=answer.get("returns", "any"),
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
        self,
        specs: Sequence[spec_pb2.FunctionSpec],
        bundles: Mapping[str, bytes],
        timeout: float | None = None,
    ) -> Deployed:
        raise DeployError("a worker deploys nothing: expected deploys from a script only")

    @property
    def functions(self) -> Functions:
        """Nothing: a worker looks after no functions."""
        raise DeployError(
            "a worker looks after no functions: expected versions(), rollback() and delete() "
            "from a script only"
        )

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
                divergent=mate["divergent"],
                batch=mate.get("batch", 0),
                single=mate.get("single", False),
            )
            for name, mate in mates.items()
        }

    def fork(self) -> None:
        """Note that this is a copy of the process, whose pipe is not its own."""
        self._forked = True

    def grant(self, tag: int, granted: Mapping[str, Any]) -> None:
        """Take the ids that child calls are made of."""
        with self._lock:
            self._tag, self._offset_ms = tag, int(granted["offset_ms"])
            self._first, self._count = int(granted["first"]), int(granted["count"])
            self._granted = True
            waiting, self._ungranted = self._ungranted, []
        for news in waiting:
            news.bring(True)

    def child(self, frame: Frame) -> None:
        """Pass on a chunk or the end of a child; what was cancelled is forgotten."""
        inflight = self._children.get(frame.call)
        if inflight is None:
            self._depot.drop(read_payload(frame))
            return
        if frame.kind in (Kind.CHILD_CHUNK, Kind.CHILD_VALUE):
            self._pass_on(frame, inflight)
            return
        del self._children[frame.call]
        if frame.kind == Kind.CHILD_EXHAUSTED:
            inflight.finish(Outcome(exhausted=True))
        else:
            inflight.finish(Outcome(failure=read_json(frame), attempt=frame.number))

    def _pass_on(self, frame: Frame, inflight: Inflight) -> None:
        """Pass on a value; one that cannot be read ends its call."""
        try:
            value = self._depot.take(read_payload(frame))
        except OSError as problem:
            text = f"a large value cannot be read: {problem.strerror}; call the function again"
            inflight.finish(Outcome(failure=failure.make("ResultExpiredError", text)))
            self.cancel(inflight)
            return
        if frame.kind == Kind.CHILD_CHUNK:
            inflight.push(value)
            return
        del self._children[frame.call]
        inflight.finish(Outcome(value=value))

    def _submit(
        self,
        target: Target,
        payload: Payload,
        asked: Terms | None,
        rows: int,
        *,
        packed: bool,
        detached: bool,
    ) -> Inflight:
        parent = _parent()
        depth = _depth(parent, target)
        if not self._granted:
            self._await_grant()
        call = self._next_id(target.version)
        info = SubmitInfo(
            parent=NO_CALL if parent is None else parent.call,
            root=call if parent is None else parent.root,
            remaining_ms=terms_of.remaining_ms(None if detached else parent, asked),
            detached=detached,
            repeatable=target.repeatable or packed,
            version=target.version,
            set=target.set,
            rows=rows,
            packed=packed,
            divergent=target.divergent,
            terms=b"" if asked is None else terms_of.packed(asked, payload),
        )
        inflight, epoch = Inflight(call), 0 if parent is None else parent.epoch
        placed = self._depot.put(payload)
        if not detached:
            self._children[call] = inflight
        self._pipe.post(encode_submit(call, epoch, depth, info, placed))
        if target.streams or packed or detached:
            self._host.flush()
        return inflight

    def _next_id(self, version: str) -> bytes:
        with self._lock:
            # Begins again: the milliseconds have moved on by then.
            seq = self._first + self._used % self._count
            self._used += 1
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

    def _say(self, frame: bytes) -> None:
        if self._forked:
            return
        shielded = self._host.shield()
        try:
            self._pipe.post(frame)
            self._host.flush()
        finally:
            self._host.expose(shielded)

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


def _check_heard() -> None:
    """Stop code that was left behind: what it would call would be nobody's."""
    invocation = CURRENT.get()
    if invocation is not None and invocation.abandoned:
        raise Interrupted(invocation.reason)


def _parent() -> Invocation | None:
    """Return the invocation that a call is made for; one that has ended makes none."""
    invocation = CURRENT.get()
    return None if invocation is None or invocation.ended else invocation


def _depth(parent: Invocation | None, target: Target) -> int:
    """Return how deep a call is; raises NestingTooDeepError."""
    depth = 0 if parent is None else parent.depth + 1
    if depth >= MAX_DEPTH:
        raise NestingTooDeepError(
            f"the call of {target.name!r} would have {MAX_DEPTH} calls waiting above it: "
            f"nested calls may be {MAX_DEPTH} levels deep",
            function=target.name,
        )
    return depth
