"""Large values on their way, as a session hears of them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fnq.v1 import result_pb2, session_pb2
from fnq_wire.parcel import Parcels
from fnq_wire.protocol import PROTOCOL
from fnq_wire.session import ClientSession, Event
from fnq_wire.spool import Spool

PLACES = ("spool", "parts")


class Road:
    """A session with one call, whose large values come through a spool or in parts."""

    def __init__(self, directory: Path, place: str) -> None:
        self.spool = Spool(str(directory))
        self.session = ClientSession("default", "a test")
        welcome = session_pb2.Welcome(protocol=PROTOCOL, session=5, secret=b"s", inbox="i")
        self.session.welcome(welcome, self.spool)
        self.place = place
        self.call = self.session.next_id("abc")
        self.session.submit(session_pb2.Submission(call=self.call, version="abc"), self.call)

    def send(self, *values: bytes, lost: int) -> Event:
        """Return what is heard of chunks and of the value after them; one is lost on its way."""
        frame, result = session_pb2.ServerFrame(), result_pb2.Result(call=self.call, epoch=1)
        for number, value in enumerate(values):
            last = number == len(values) - 1
            reference = (result.end.value if last else result.chunks.add()).reference
            reference.size = len(value)
            if self.place == "spool":
                reference.key, reference.house = self.spool.write(value), reference.SPOOL
                if number == lost:
                    self.spool.delete(reference.key)
            else:
                reference.key = str(number + 1)
                if number != lost:
                    frame.parts.add(blob=number + 1, data=value)
        frame.results.append(result.SerializeToString())
        [event] = self.session.receive(frame)
        return event


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_what_lies_behind_a_lost_value_is_not_passed_on(
    tmp_path: Path, place: str, lost: int
) -> None:
    """The reader would take it for the lost one; the call ends, and says what to do."""
    values = [b"%d" % number for number in range(4)]
    road = Road(tmp_path, place)
    event = road.send(*values, lost=lost)
    assert event.chunks == values[:lost]
    assert event.value is None
    assert event.end is not None
    assert event.end.failure.error == "ResultExpiredError"
    assert "call the function again" in event.end.failure.message
    assert not road.session.in_flight
    assert road.session._parcels._parts == {}


@pytest.mark.parametrize("place", PLACES)
def test_values_come_as_they_were_sent(tmp_path: Path, place: str) -> None:
    """The chunks in order, and the value apart from them."""
    event = Road(tmp_path, place).send(b"1", b"2", b"3", lost=-1)
    assert event.chunks == [b"1", b"2"]
    assert event.value is not None
    assert event.value == b"3"


@pytest.mark.parametrize("code", [errno.EMFILE, errno.EACCES, errno.ENOENT])
def test_a_file_that_cannot_be_opened_is_lost(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason: an error here would end every call of the session."""

    def refuse(_: object, name: str, size: int) -> memoryview:
        raise OSError(code, os.strerror(code), name)

    parcels = Parcels()
    parcels.spool = Spool(str(tmp_path))
    reference = result_pb2.Reference(house=result_pb2.Reference.SPOOL, key="a", size=1)
    monkeypatch.setattr(Spool, "map", refuse)
    assert parcels.open(result_pb2.Payload(reference=reference), None) is None
