"""What goes out to a client, gathered into frames."""

from __future__ import annotations

from typing import Any

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_server.session import Session
from fnq_wire.limits import PART
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


def _session(blobs: Any = None) -> Session:
    return Session(1, b"secret", "default", 1, blobs)


async def test_what_one_turn_brings_goes_out_in_one_frame() -> None:
    """Results in order, the highest mark, and the request to go away."""
    session = _session()
    frames = session.frames()
    for number in range(3):
        session.send(b"%d" % number)
    session.send_mark(4)
    session.send_mark(7)
    session.send_goaway()
    frame = await anext(frames)
    assert (list(frame.results), frame.mark, frame.goaway) == ([b"0", b"1", b"2"], 7, True)
    session.send(b"3")
    frame = await anext(frames)
    assert (list(frame.results), frame.mark, frame.goaway) == ([b"3"], 0, False)
    await frames.aclose()  # type: ignore[attr-defined]


async def test_much_is_spread_over_frames() -> None:
    """By number and by size, each result once."""
    session = _session()
    frames = session.frames()
    for _ in range(2_500):
        session.send(b"x")
    sizes = [len((await anext(frames)).results) for _ in range(2)]
    assert sum(sizes) == 2_500
    for _ in range(5):
        session.send(bytes(4 << 20))
    frame = await anext(frames)
    assert len(frame.results) < 5
    assert frame.ByteSize() < 32 << 20
    await frames.aclose()  # type: ignore[attr-defined]


async def test_a_broken_stream_takes_what_was_queued_along() -> None:
    """It is sent anew when the client says how far it is."""
    session = _session()
    session.send(b"old")
    session.send_mark(3)
    session.interrupt()
    session.send(b"new")
    frames = session.frames()
    frame = await anext(frames)
    assert (list(frame.results), frame.mark) == ([b"new"], 0)
    await frames.aclose()  # type: ignore[attr-defined]


async def test_a_large_value_goes_ahead_in_parts(server: RedisServer) -> None:
    """Then the result that refers to it, and only then what came after."""
    async with connected(server) as client:
        blobs = Blobs(client)
        data = bytes(PART) + b"end"
        result = result_pb2.Result(call=b"c" * 16)
        result.end.value.reference.CopyFrom(await blobs.write(data))
        session = _session(blobs)
        frames = session.frames()
        session.send(b"before")
        session.send(result)
        session.send(b"after")
        got: list[Any] = [await anext(frames) for _ in range(5)]
        assert [list(frame.results)[:1] for frame in got[::4]] == [[b"before"], [b"after"]]
        assert b"".join(part.data for frame in got[1:3] for part in frame.parts) == data
        sent = result_pb2.Result.FromString(got[3].results[0])
        assert sent.end.value.reference.key == str(got[1].parts[0].blob)
        assert sent.end.value.reference.size == len(data)
        assert result.end.value.reference.house == result_pb2.Reference.CHUNKS
        await frames.aclose()  # type: ignore[attr-defined]
        await blobs.delete([result.end.value.reference])
