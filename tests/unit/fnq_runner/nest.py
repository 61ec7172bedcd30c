"""The rest of the system, for tests of nested calls: slots, queues and other functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnq_runner.slot import Slot, Slots
from fnq_wire import failure
from fnq_wire.arrow import Codec
from fnq_wire.pipe import (
    NO_CALL,
    DispatchInfo,
    Frame,
    Kind,
    SubmitInfo,
    encode,
    encode_dispatch,
    encode_json,
    read_submit,
)
from tests.unit.fnq_runner.agent import CODEC, OTHER, VERSION, Agent, Run

__all__ = ["Nest"]

#: What an end of a run is called where it reaches its caller.
_CHILD = {
    Kind.CHUNK: Kind.CHILD_CHUNK,
    Kind.VALUE: Kind.CHILD_VALUE,
    Kind.EXHAUSTED: Kind.CHILD_EXHAUSTED,
    Kind.FAILED: Kind.CHILD_FAILED,
}


class Nest:
    """Send calls to one runner as slots allow, and its nested calls too.

    Calls of the runner's own function go back to it, on lent slots; those of OTHER
    are answered by `other`, given the arguments; any other waits for ever.
    """

    def __init__(self, agent: Agent, other: Callable[..., Any] = lambda a: a, slots: int = 1):
        self.agent = agent
        self.other = other
        self.seen: list[tuple[Kind, int]] = []
        self.submitted: list[SubmitInfo] = []
        self.deepest = 0
        self._slots = Slots(slots)
        self._waiting: list[tuple[int, bytes, bytes]] = []
        self._held: dict[bytes, tuple[Slot, int]] = {}
        self._runs: dict[bytes, list[Frame]] = {}
        self._roots: set[bytes] = set()

    def call(self, count: int, payload: bytes) -> list[Run]:
        """Make `count` root calls at once; return what became of them."""
        for number in range(count):
            call = (number + 1).to_bytes(16, "big")
            self._roots.add(call)
            self._waiting.append((0, call, payload))
        left = set(self._roots)
        while left:
            self._admit()
            left.discard(self._handle(self.agent.next()))
        return [self._run(call) for call in sorted(self._roots)]

    def _run(self, call: bytes) -> Run:
        *chunks, end = self._runs.pop(call)
        return Run(call, [CODEC.decode_result(each.body) for each in chunks], end, CODEC)

    def _admit(self) -> None:
        for entry in sorted(self._waiting, key=lambda entry: -entry[0]):
            depth, call, payload = entry
            slot = self._slots.begin(depth)
            if slot is not None:
                self._waiting.remove(entry)
                self._held[call] = slot, depth
                self.deepest = max(self.deepest, depth)
                info = DispatchInfo(1, 0, NO_CALL, NO_CALL, 64, 1 << 20, 1)
                self.agent.say(encode_dispatch(call, 1, depth, info, payload))

    def _handle(self, frame: Frame) -> bytes:
        """Do what the system does about a frame; return the call that it ends."""
        kind = Kind(frame.kind)
        self.seen.append((kind, frame.number))
        if kind == Kind.SUBMIT:
            self._submit(frame)
        elif kind == Kind.LEND:
            self._slots.wait(self._held[frame.call][0])
        elif kind == Kind.RECLAIM:
            self._slots.resume(self._held[frame.call][0])
        elif kind == Kind.CHILD_CREDIT and frame.call in self._held:
            self.agent.say(encode(Kind.CREDIT, frame.call, 1, frame.number, frame.body))
        elif kind == Kind.CHILD_CANCEL and frame.call in self._held:
            self.agent.cancel(frame.call)
        elif kind in _CHILD:
            return self._pass_on(frame, kind)
        return b""

    def _submit(self, frame: Frame) -> None:
        info, payload = read_submit(frame)
        assert isinstance(payload, bytes)
        self.submitted.append(info)
        if info.version == VERSION:
            self._waiting.append((frame.number, frame.call, payload))
        if info.version != OTHER:
            return
        args, _ = CODEC_OF_ANY.decode_arguments(payload)
        try:
            value = self.other(*args)
        except Exception as problem:  # noqa: BLE001 - it travels as a user's would
            self.agent.say(_failed(frame.call, problem))
            return
        if isinstance(value, range):
            chunks = [
                encode(Kind.CHILD_CHUNK, frame.call, 0, number, CODEC.encode_result(each))
                for number, each in enumerate(value)
            ]
            self.agent.say(*chunks, encode(Kind.CHILD_EXHAUSTED, frame.call))
        else:
            body = CODEC.encode_result(value)
            self.agent.say(encode(Kind.CHILD_VALUE, frame.call, 0, 0, body))

    def _pass_on(self, frame: Frame, kind: Kind) -> bytes:
        if frame.call in self._roots:
            self._runs.setdefault(frame.call, []).append(frame)
        else:
            self.agent.say(encode(_CHILD[kind], frame.call, 0, frame.number, frame.body))
        if kind == Kind.CHUNK:
            return b""
        self._slots.end(*self._held.pop(frame.call))
        return frame.call


def _failed(call: bytes, problem: Exception) -> bytes:
    return encode_json(Kind.CHILD_FAILED, failure.describe(problem), call)


#: Decodes what `g` is called with.
CODEC_OF_ANY = Codec.of_parameters([(name, "either", False) for name in "abc"])
