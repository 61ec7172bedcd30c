"""Frames between an agent and its runner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire import pipe
from fnq_wire.pipe import Decoder, DispatchInfo, Frame, FrameError, Kind, SubmitInfo

ID = st.binary(min_size=16, max_size=16)
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
FRAME = st.builds(Frame, st.sampled_from(Kind), ID, U32, U64, st.binary(max_size=200))


def _encode(frame: Frame) -> bytes:
    return pipe.encode(Kind(frame.kind), frame.call, frame.epoch, frame.number, frame.body)


@given(st.lists(FRAME, max_size=10), st.lists(st.integers(1, 100), min_size=1))
def test_frames_come_out_as_they_went_in(frames: list[Frame], cuts: list[int]) -> None:
    """Whole and in order, however the bytes are cut on their way."""
    data = b"".join(map(_encode, frames))
    decoder, out, at, turn = Decoder(), list[Frame](), 0, 0
    while at < len(data):
        size = cuts[turn % len(cuts)]
        out += decoder.feed(data[at : at + size])
        at, turn = at + size, turn + 1
    assert out == frames


@given(st.binary(min_size=33, max_size=200))
def test_what_is_not_a_frame_is_refused_or_waits_for_its_end(data: bytes) -> None:
    """Nothing but FrameError ever comes of bytes."""
    try:
        frames = list(Decoder().feed(data))
    except FrameError:
        return
    assert all(frame.kind in set(Kind) for frame in frames)


def test_no_two_kinds_have_one_number() -> None:
    """The second would be another name of the first, and be taken for it."""
    numbers = [kind.value for kind in Kind.__members__.values()]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize(
    "head",
    [
        pipe._HEADER.pack(0, 99, bytes(16), 0, 0),
        pipe._HEADER.pack(0, 0, bytes(16), 0, 0),
        pipe._HEADER.pack(pipe.MAX_BODY + 1, Kind.VALUE, bytes(16), 0, 0),
        pipe._HEADER.pack((16 << 20) + 1, Kind.FAILED, bytes(16), 0, 0),
        pipe._HEADER.pack((1 << 20) + 1, Kind.LOG, bytes(16), 0, 1),
    ],
)
def test_an_unknown_kind_and_a_body_too_large_are_refused_at_once(head: bytes) -> None:
    """Not after a gigabyte has been waited for."""
    with pytest.raises(FrameError, match=r"not a frame: kind \d+, body of \d+ bytes"):
        list(Decoder().feed(head))


def test_frames_before_what_is_none_are_not_lost() -> None:
    """They came in one piece with it."""
    good = [Frame(Kind.STARTED, b"c" * 16, 1, 0, b""), Frame(Kind.LOG, b"c" * 16, 1, 1, b"x")]
    came: list[Frame] = []
    with pytest.raises(FrameError):
        came.extend(Decoder().feed(b"".join(map(_encode, good)) + b"nonsense" * 9))
    assert came == good


@given(ID, U32, st.integers(0, 64), ID, ID, U64, U64, U32, st.binary(max_size=50))
def test_a_dispatch_carries_its_facts_and_the_payload(
    call: bytes,
    epoch: int,
    depth: int,
    parent: bytes,
    root: bytes,
    remaining: int,
    window: int,
    rows: int,
    payload: bytes,
) -> None:
    """Both ends read the same."""
    packed = bool(rows % 2)
    info = DispatchInfo(
        epoch, remaining, parent, root, rows, window, rows, window, packed, rows, packed
    )
    [frame] = Decoder().feed(pipe.encode_dispatch(call, epoch, depth, info, payload))
    assert (frame.kind, frame.call, frame.epoch, frame.number) == (
        Kind.DISPATCH,
        call,
        epoch,
        depth,
    )
    assert pipe.read_dispatch(frame) == (info, payload)


@given(ID, ID, U64, st.booleans(), st.booleans(), st.text("0123456789abcdef", max_size=64), U32)
def test_a_submission_carries_its_facts_and_the_payload(
    parent: bytes,
    root: bytes,
    remaining: int,
    detached: bool,
    repeatable: bool,
    version: str,
    rows: int,
) -> None:
    """Both ends read the same."""
    packed = not repeatable
    info = SubmitInfo(
        parent, root, remaining, detached, repeatable, version, remaining, rows, packed
    )
    [frame] = Decoder().feed(pipe.encode_submit(b"c" * 16, 2, 3, info, b"payload"))
    assert pipe.read_submit(frame) == (info, b"payload")


def test_a_call_without_a_parent_has_none() -> None:
    """Sixteen zero bytes stand for it."""
    info = DispatchInfo(0, 0, b"", b"", 0, 0, 1)
    [frame] = Decoder().feed(pipe.encode_dispatch(b"c" * 16, 1, 0, info, b""))
    assert pipe.read_dispatch(frame)[0].parent == pipe.NO_CALL


@pytest.mark.parametrize("size", range(0, 45, 3))
def test_packed_fields_that_are_cut_short_are_refused(size: int) -> None:
    """An agent does not trust what a runner sends."""
    info = SubmitInfo(b"p" * 16, b"r" * 16, 0, False, False, "abcdef")
    whole = pipe.encode_submit(b"c" * 16, 1, 0, info, b"")[pipe._HEADER.size :]
    with pytest.raises(FrameError, match="SUBMIT frame of"):
        pipe.read_submit(Frame(Kind.SUBMIT, b"c" * 16, 1, 0, whole[:size]))
    with pytest.raises(FrameError, match="DISPATCH frame of"):
        pipe.read_dispatch(Frame(Kind.DISPATCH, b"c" * 16, 1, 0, bytes(size)))


def test_a_body_that_is_no_json_is_refused() -> None:
    """With the kind of the frame, so that the log says whose fault it is."""
    [frame] = Decoder().feed(pipe.encode_json(Kind.HELLO, {"a": [1, "é"]}))
    assert pipe.read_json(frame) == {"a": [1, "é"]}
    for body in (b"", b"{", b"\xff"):
        with pytest.raises(FrameError, match="frame of kind 1: its body is not JSON"):
            pipe.read_json(Frame(Kind.HELLO, b"c" * 16, 0, 0, body))
