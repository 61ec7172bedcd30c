"""Rows of packed calls: each outcome once and in order, wherever repeated runs cut blocks."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fnq.v1 import result_pb2, session_pb2
from fnq_server.track import Track, Verdict, advance
from fnq_wire.pending import Pending

CALL = b"c" * 16


class Run:
    """One run of a packed call: blocks from a row on, then the end."""

    def __init__(self, epoch: int, row: int, rows: int) -> None:
        self.epoch, self.row, self.rows = epoch, row, rows
        self.ended = False

    def say(self, lengths: list[int], *, end: bool) -> result_pb2.Result:
        """Return the next blocks, of at most so many rows each, and perhaps the end."""
        made = result_pb2.Result(call=CALL, epoch=self.epoch, position=self.row)
        for length in lengths:
            taken = min(length, self.rows - self.row)
            if taken:
                made.chunks.add(inline=bytes([self.row, taken]))
                made.lengths.append(taken)
                self.row += taken
        if end and self.row == self.rows:
            made.end.exhausted, self.ended = True, True
        return made


class Reader:
    """A server's track, and the client behind it."""

    def __init__(self) -> None:
        session: Any = None
        self.track = Track(CALL, session, "inbox", repeatable=True, divergent=True)
        submission = session_pb2.Submission(call=CALL)
        self.pending = Pending(CALL, None, submission, 1, repeatable=True, divergent=True)
        self.heard: list[int] = []
        self.ends = 0

    def read(self, result: result_pb2.Result) -> None:
        """Let the client hear what the server passes on of a result."""
        verdict = advance(self.track, result)
        assert verdict in (Verdict.PASS, Verdict.CUT, Verdict.DROP)
        news = None if verdict is Verdict.DROP else self.pending.advance(result)
        if news is None:
            return
        for chunk in news[0]:
            first, count = chunk.inline
            assert first <= len(self.heard) < first + count
            self.heard += range(len(self.heard), first + count)
        assert self.pending.position == self.track.next == len(self.heard)
        self.ends += news[1] is not None


@settings(max_examples=400, deadline=None)
@given(st.data(), st.integers(1, 30))
def test_each_row_is_heard_once_whatever_runs_are_mixed(data: st.DataObject, rows: int) -> None:
    """A run begins at any row that was published before it; an older one is heard no more."""
    reader, runs = Reader(), [Run(1, 0, rows)]
    lengths = st.lists(st.integers(1, 7), max_size=3)
    for _ in range(data.draw(st.integers(0, 15))):
        if data.draw(st.booleans()):
            row = data.draw(st.integers(0, reader.track.next))
            runs.append(Run(runs[-1].epoch + 1, row, rows))
            started = result_pb2.Result(call=CALL, epoch=runs[-1].epoch)
            started.started.consumer = "c"
            reader.read(started)
        run = data.draw(st.sampled_from(runs))
        if not run.ended:
            reader.read(run.say(data.draw(lengths), end=data.draw(st.booleans())))
    while not runs[-1].ended:
        reader.read(runs[-1].say(data.draw(lengths) or [1], end=True))
    assert reader.heard == list(range(rows))
    assert reader.ends == 1


def test_a_failure_of_a_repeated_run_ends_the_call_at_the_row_that_was_heard() -> None:
    """Rows that came before stay, though the repeated run did not come that far."""
    reader = Reader()
    reader.read(Run(1, 0, 9).say([5], end=False))
    failed = result_pb2.Result(call=CALL, epoch=2, position=2)
    failed.end.failure.error = "RemoteError"
    reader.read(failed)
    assert (reader.heard, reader.ends) == ([0, 1, 2, 3, 4], 1)
