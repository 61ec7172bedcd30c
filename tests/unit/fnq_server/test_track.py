"""Which entries of an inbox a caller hears: each position once, in order, one end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import result_pb2
from fnq_server.track import Track, Verdict, advance
from fnq_wire.fingerprint import fingerprint

CALL = b"c" * 16
Say = tuple[int, int, list[str], bool]


def track(repeatable: bool = False, **given: Any) -> Track:
    """Return a call in flight whose session does not matter."""
    session: Any = None
    made = Track(CALL, session, "inbox", repeatable)
    for name, value in given.items():
        setattr(made, name, value)
    return made


def result(
    epoch: int, position: int, chunks: list[str] | str = "", end: bool = False, **more: Any
) -> result_pb2.Result:
    """Return what a run writes: a letter is a chunk."""
    made = result_pb2.Result(call=CALL, epoch=epoch, position=position, **more)
    for chunk in chunks:
        made.chunks.add(inline=chunk.encode())
    if end:
        made.end.exhausted = True
    return made


PASS, CUT, DROP = Verdict.PASS, Verdict.CUT, Verdict.DROP
BROKEN, DIVERGED = Verdict.BROKEN, Verdict.DIVERGED


@pytest.mark.parametrize(
    ("repeatable", "says", "verdicts"),
    [
        (False, [(1, 0, "a", 0), (1, 1, "b", 0), (1, 2, "", 1)], [PASS, PASS, PASS]),
        (False, [(1, 0, "ab", 1), (1, 0, "ab", 1)], [PASS, DROP]),
        (False, [(1, 0, "ab", 0), (1, 0, "ab", 0), (1, 0, "a", 0)], [PASS, DROP, DROP]),
        (False, [(1, 0, "a", 0), (1, 0, "abc", 0)], [PASS, CUT]),
        (False, [(1, 0, "a", 0), (1, 2, "c", 0)], [PASS, BROKEN]),
        (False, [(1, 0, "a", 0), (2, 0, "a", 0)], [PASS, BROKEN]),
        (False, [(1, 0, "", 0), (2, 0, "", 1), (1, 0, "", 1)], [PASS, PASS, DROP]),
        (False, [(2, 0, "", 0), (1, 0, "", 1)], [PASS, DROP]),
        (True, [(1, 0, "ab", 0), (2, 0, "abc", 0), (2, 3, "", 1)], [PASS, CUT, PASS]),
        (True, [(1, 0, "ab", 0), (2, 0, "a", 0), (2, 1, "bc", 0)], [PASS, DROP, CUT]),
        (True, [(1, 0, "ab", 0), (2, 0, "ax", 0)], [PASS, DIVERGED]),
        (True, [(1, 0, "ab", 0), (2, 0, "xb", 0)], [PASS, DROP]),
        (True, [(1, 0, "ab", 0), (2, 0, "a", 1)], [PASS, DIVERGED]),
        (True, [(1, 0, "ab", 0), (2, 0, "ab", 1)], [PASS, CUT]),
        (True, [(1, 0, "ab", 0), (2, 0, "a", 0), (1, 2, "c", 0)], [PASS, DROP, DROP]),
    ],
)
def test_what_is_heard_is_exact(repeatable: bool, says: list[Say], verdicts: list[Verdict]) -> None:
    """Old epochs and positions are dropped, what overlaps is cut, a gap ends the call."""
    call = track(repeatable)
    assert [advance(call, result(*say)) for say in says] == verdicts


def test_a_decreed_end_is_taken_whatever_the_position() -> None:
    """Nobody who decrees an end knows how far the caller is."""
    call = track()
    advance(call, result(1, 0, "abc"))
    assert advance(call, result(1, 0, decreed=True)) is Verdict.PASS
    assert call.ended
    assert advance(call, result(1, 3, "d")) is Verdict.DROP


def test_a_decreed_end_of_an_older_run_is_dropped() -> None:
    """A consumer that was cut off ends nothing that another has given anew."""
    call = track()
    advance(call, result(3, 0, "a"))
    assert advance(call, result(2, 0, decreed=True)) is Verdict.DROP


def test_a_start_tells_who_reaches_the_run() -> None:
    """The newest epoch counts, also where the chunks beside it were heard before."""
    call = track(repeatable=True)
    first, late = result(2, 0, "a"), result(1, 0, "a")
    first.started.consumer, late.started.consumer = "c2", "c1"
    advance(call, first)
    advance(call, late)
    assert call.consumer == "c2"
    again = result(2, 0, "a")
    again.started.consumer = "c3"
    assert advance(call, again) is Verdict.DROP
    assert call.consumer == "c3"


def test_a_server_that_takes_a_call_up_compares_with_what_the_client_heard() -> None:
    """The client says how its last chunk looks; a server that cannot know believes the run."""
    last = result(1, 1, "b").chunks[0]
    known = track(repeatable=True, next=2, epoch=1, fingerprint=fingerprint(last))
    assert advance(known, result(1, 0, "ab")) is Verdict.DROP
    assert advance(known, result(2, 0, "ax")) is Verdict.DIVERGED


@pytest.mark.parametrize(
    ("again", "verdict", "chunks"),
    [
        (result(2, 0, "axc"), Verdict.CUT, "c"),
        (result(2, 0, "a", end=True), Verdict.CUT, ""),
        (result(2, 0, "xy", end=True), Verdict.CUT, ""),
        (result(2, 0, "xy"), Verdict.DROP, "xy"),
    ],
)
def test_a_run_may_differ_where_that_is_allowed(
    again: result_pb2.Result, verdict: Verdict, chunks: str
) -> None:
    """Positions are skipped as ever; one that ends earlier ends the call."""
    call = track(repeatable=True, divergent=True)
    advance(call, result(1, 0, "ab"))
    said = result_pb2.Result.FromString(again.SerializeToString())
    assert (advance(call, said), _text(said)) == (verdict, chunks)
    assert call.ended is said.HasField("end")


def test_a_repeated_run_that_fails_early_ends_the_call_with_that() -> None:
    """It failed before it could differ: its failure is what its caller must know."""
    call = track(repeatable=True)
    advance(call, result(1, 0, "abc"))
    failed = result(3, 0, "a", attempt=2)
    failed.end.failure.error = "RemoteError"
    assert advance(call, failed) is Verdict.CUT
    assert (failed.position, list(failed.chunks)) == (3, [])
    assert (call.ended, call.next, call.attempt) == (True, 3, 2)


def test_a_decreed_end_names_the_attempt_that_it_ends() -> None:
    """As far as the server knows."""
    call = track(repeatable=True)
    advance(call, result(2, 0, "a", attempt=1))
    call.decree("CallCancelledError", "enough")
    decreed = result_pb2.Result.FromString(call.decreed)
    assert (decreed.epoch, decreed.attempt, decreed.position, decreed.decreed) == (2, 1, 1, True)


@st.composite
def _runs(draw: st.DrawFn) -> list[result_pb2.Result]:
    """Return what several runs of one call write, each in order, mixed and doubled at will."""
    chunks = draw(st.text("abc", max_size=6))
    streams = []
    for epoch in range(1, draw(st.integers(1, 4)) + 1):
        stream, at = [], 0
        while at < len(chunks):
            to = draw(st.integers(at + 1, len(chunks)))
            stream.append(result(epoch, at, chunks[at:to]))
            at = to
        if draw(st.booleans()) and stream:
            stream[-1].end.exhausted = True
        else:
            stream.append(result(epoch, len(chunks), end=True))
        # A run that died wrote a part of it only.
        streams.append(stream[: draw(st.integers(0, len(stream)))])
    mixed: list[result_pb2.Result] = []
    while any(streams):
        stream = draw(st.sampled_from([each for each in streams if each]))
        mixed.append(stream.pop(0))
        if draw(st.integers(0, 9)) == 0:
            mixed.append(draw(st.sampled_from(mixed)))
    return mixed


@given(_runs())
def test_runs_of_a_repeatable_call_are_heard_as_one(mixed: list[result_pb2.Result]) -> None:
    """Each position once and in order, whatever runs and duplicates are interleaved."""
    call = track(repeatable=True)
    heard, ends = "", 0
    for position, text, end in _hear(call, mixed):
        assert position == len(heard)
        assert not ends
        heard += text
        ends += end
    assert _whole(mixed).startswith(heard)


def _hear(call: Track, mixed: list[result_pb2.Result]) -> Iterator[tuple[int, str, bool]]:
    for each in mixed:
        said = result_pb2.Result.FromString(each.SerializeToString())
        verdict = advance(call, said)
        assert verdict is not Verdict.DIVERGED
        if verdict is Verdict.BROKEN:
            # Only a gap left by a run that died, and whose successor went on before it.
            assert said.position > call.next
            return
        if verdict is not Verdict.DROP:
            yield said.position, _text(said), said.HasField("end")


def _text(said: result_pb2.Result) -> str:
    return "".join(chunk.inline.decode() for chunk in said.chunks)


@given(_runs())
def test_the_newest_run_is_heard_to_its_end(mixed: list[result_pb2.Result]) -> None:
    """A run that wrote everything, once it is the newest, gives the call its whole result."""
    call = track(repeatable=True)
    list(_hear(call, mixed))
    if call.ended:
        return
    text = _whole(mixed)
    last = result(9, 0, text, end=True)
    assert advance(call, last) in (Verdict.PASS, Verdict.CUT)
    assert (call.ended, call.next) == (True, len(text))


def _whole(mixed: list[result_pb2.Result]) -> str:
    """Return all that any run wrote, in the order of positions."""
    chunks = {each.position + at: c for each in mixed for at, c in enumerate(_text(each))}
    return "".join(chunk for _, chunk in sorted(chunks.items()))
