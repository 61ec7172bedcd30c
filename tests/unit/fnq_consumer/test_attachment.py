"""What goes out to one agent."""

from __future__ import annotations

from fnq.v1 import record_pb2, worker_pb2
from fnq_consumer.attachment import Attachment

CALL = b"c" * 16


async def test_what_one_turn_brings_goes_out_in_one_frame() -> None:
    """Dispatches, cancellations, credits and settled calls; the next frame is empty of them."""
    attachment = Attachment(worker_pb2.Announce(agent="a", version="v"))
    attachment.rooms.state(worker_pb2.Slots(free=2))
    entry = record_pb2.Entry(call=CALL, depth=1)
    attachment.dispatch(worker_pb2.Dispatch(call=entry, epoch=1))
    attachment.cancel(CALL, "enough")
    attachment.credit(record_pb2.Credit(call=CALL, chunks=3))
    attachment.settle(b"d" * 16)
    attachment.settle(CALL)
    frame = await attachment.next_frame()
    assert [each.call.call for each in frame.dispatches] == [CALL]
    assert frame.cancellations[0].reason == "enough"
    assert frame.credits[0].chunks == 3
    assert frame.settled == b"d" * 16 + CALL
    attachment.send_away()
    assert await attachment.next_frame() == worker_pb2.ConsumerFrame(goaway=True)


async def test_a_dispatch_takes_room_and_a_settled_call_is_forgotten() -> None:
    """The agent is known to hold what it was given until it is settled."""
    attachment = Attachment(worker_pb2.Announce(agent="a", version="v"))
    attachment.rooms.state(worker_pb2.Slots(free=1))
    attachment.dispatch(worker_pb2.Dispatch(call=record_pb2.Entry(call=CALL)))
    assert (attachment.calls, attachment.rooms.open()) == ({CALL}, {})
    attachment.settle(CALL)
    assert attachment.calls == set()
