"""Servers, their Redis and a network for a ClientSession: all of it in one thread.

Servers are as the protocol describes them: what is accepted and what runs write
is in one record that outlives them (`Record`), the rest dies with a stream.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from fnq.v1 import result_pb2, session_pb2
from fnq_wire.protocol import PROTOCOL
from fnq_wire.session import ClientSession

__all__ = ["Caller", "Heard", "Record"]

TAG, SECRET = 5, b"secret"


@dataclass
class Heard:
    """What a caller has of one call."""

    call: bytes
    chunks: list[bytes] = field(default_factory=list)
    ends: int = 0


@dataclass
class _Accepted:
    """A call that is in Redis: how far its run is, and what its inbox still holds."""

    inbox: str
    length: int
    written: int = 0
    ended: bool = False
    #: (position after, result); an end has a position that nobody acknowledges.
    kept: list[tuple[int, result_pb2.Result]] = field(default_factory=list)


class Record:
    """What lies in Redis."""

    def __init__(self) -> None:
        self.mark = 0
        self.calls: dict[bytes, _Accepted] = {}
        self.doubled: list[bytes] = []

    def accept(self, inbox: str, offered: list[session_pb2.Submission]) -> None:
        """Append what is above the mark; a payload says how many chunks the call has."""
        for each in offered:
            if each.seq <= self.mark:
                continue
            assert each.seq == self.mark + 1, "a submission was left out"
            self.mark = each.seq
            if each.call in self.calls:
                self.doubled.append(each.call)
            self.calls[each.call] = _Accepted(inbox, len(each.payload.inline))

    def run(self, call: bytes) -> result_pb2.Result | None:
        """Let the run of a call write its next chunk, or its end."""
        found = self.calls[call]
        if found.ended:
            return None
        result = result_pb2.Result(call=call, epoch=1, position=found.written)
        if found.written < found.length:
            result.chunks.add(inline=b"%d" % found.written)
            found.written += 1
            found.kept.append((found.written, result))
        else:
            result.end.exhausted = found.ended = True
            found.kept.append((found.written + 1, result))
        return result

    def acknowledge(self, call: bytes, position: int) -> None:
        """Delete what has reached the client."""
        kept = self.calls[call].kept
        self.calls[call].kept = [each for each in kept if each[0] > position]


class Caller:
    """A client, the server it is connected to, and the frames between the two."""

    def __init__(self) -> None:
        self.record = Record()
        self.session = ClientSession("default", "a test")
        self.heard: list[Heard] = []
        self._server = 0
        self._up: deque[session_pb2.ClientFrame] = deque()
        self._down: deque[session_pb2.ServerFrame] = deque()
        self._offered: list[session_pb2.Submission] = []
        #: Calls that the server relays: next position to send.
        self._tracks: dict[bytes, int] = {}
        #: Calls that were resumed on this stream.
        self._known: set[bytes] = set()
        self.connect()

    def connect(self, *, elsewhere: bool = False) -> None:
        """Break the stream, losing what is on its way, and open another one."""
        self._up.clear()
        self._down.clear()
        self._known.clear()
        if elsewhere:
            # What a server had not appended dies with it.
            self._server += 1
            self._offered.clear()
            self._tracks.clear()
        else:
            self._append()
        hello = session_pb2.ClientFrame.FromString(self.session.hello().SerializeToString()).hello
        assert (hello.session, hello.secret) in ((0, b""), (TAG, SECRET))
        welcome = session_pb2.Welcome(
            protocol=PROTOCOL,
            inbox=self._inbox,
            session=TAG,
            secret=SECRET,
            mark=self.record.mark,
        )
        self.session.welcome(welcome, None)

    @property
    def _inbox(self) -> str:
        return f"inbox-{self._server}"

    def submit(self, length: int) -> None:
        """Submit a call that yields so many chunks."""
        heard = Heard(self.session.next_id("abc"))
        submission = session_pb2.Submission(call=heard.call, version="abc")
        submission.payload.inline = b"x" * length
        self.session.submit(submission, heard)
        self.heard.append(heard)

    def send(self) -> None:
        """Put the client's next frame on its way."""
        frame = self.session.take()
        if frame is not None:
            self._up.append(session_pb2.ClientFrame.FromString(frame.SerializeToString()))

    def serve(self) -> None:
        """Let the server take a frame."""
        if not self._up:
            return
        frame = self._up.popleft()
        self._known |= {each.call for each in frame.resumptions}
        if frame.resumed:
            for call in self._tracks.keys() - self._known:
                self._end(call)
        self._offered += frame.submissions
        self._tracks |= {each.call: 0 for each in frame.submissions}
        for each in frame.resumptions:
            self._resume(each)
        for acknowledgement in frame.acknowledgements:
            self.record.acknowledge(acknowledgement.call, acknowledgement.position)
        for start in range(0, len(frame.ended), 16):
            self._end(frame.ended[start : start + 16])

    def _end(self, call: bytes) -> None:
        self._tracks.pop(call, None)
        if call in self.record.calls:
            self.record.calls[call].kept.clear()

    def _resume(self, resumption: session_pb2.Resumption) -> None:
        found = self.record.calls[resumption.call]
        assert found.inbox == resumption.inbox, "the client looks in the wrong inbox"
        self.record.acknowledge(resumption.call, resumption.position)
        self._tracks[resumption.call] = resumption.position
        for _, result in found.kept:
            self._pass_on(result)

    def append(self) -> None:
        """Let the server append what was offered, and say so."""
        if self._offered:
            self._append()
            self._down.append(session_pb2.ServerFrame(mark=self.record.mark))

    def _append(self) -> None:
        self.record.accept(self._inbox, self._offered)
        self._offered.clear()

    def run(self, number: int) -> None:
        """Let one of the runs go on."""
        calls = list(self.record.calls)
        if calls:
            result = self.record.run(calls[number % len(calls)])
            if result is not None and result.call in self._tracks:
                self._pass_on(result)

    def _pass_on(self, result: result_pb2.Result) -> None:
        at = self._tracks[result.call]
        if result.position <= at:
            self._tracks[result.call] = max(at, result.position + len(result.chunks))
            self._down.append(session_pb2.ServerFrame(results=[result.SerializeToString()]))

    def receive(self) -> None:
        """Let the client take a frame."""
        if not self._down:
            return
        for event in self.session.receive(self._down.popleft()):
            heard = event.sink
            assert isinstance(heard, Heard)
            assert not heard.ends, "something came after the end"
            heard.chunks += [bytes(chunk) for chunk in event.chunks if isinstance(chunk, bytes)]
            heard.ends += event.end is not None

    def settle(self) -> None:
        """Let everything go on until nothing is left to do."""
        rounds = 0
        while self.session.in_flight or not self.session.idle or self._up or self._down:
            rounds += 1
            assert rounds < 2_000, "calls are left that nobody ends"
            self.send()
            self.serve()
            self.append()
            for number in range(len(self.record.calls)):
                self.run(number)
            self.receive()
