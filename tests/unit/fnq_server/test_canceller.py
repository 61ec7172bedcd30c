"""A call that anybody cancels ends for whoever waits, however often it has begun."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fnq.v1 import record_pb2, result_pb2
from fnq_core.inventory import Item
from fnq_core.kept import Ending, Finished
from fnq_core.lease import Count
from fnq_server.canceller import Canceller
from fnq_server.track import Track, Verdict, advance

CALL, INBOX = b"c" * 16, "fnq:inbox:s1"


class Door:
    """What a canceller writes to: inboxes and kept ends are lists, orders go nowhere."""

    def __init__(self) -> None:
        self.said: list[bytes] = []
        orders: Any = SimpleNamespace(withdraw=lambda *_: None, cancel=lambda *_: None)
        deleter: Any = SimpleNamespace(discard=lambda _: None)
        door: Any = self
        self.canceller = Canceller(door, door, orders, deleter)

    async def publish(self, items: list[tuple[str, bytes]]) -> set[str]:
        """Stand for the inboxes."""
        self.said += [body for _, body in items]
        return set()

    async def finish(self, namespace: str, endings: list[Ending]) -> list[Finished | None]:
        """Stand for what is kept."""
        self.said += [each.result for each in endings]
        return [Finished("", b"") for _ in endings]


def heard(epoch: int) -> Track:
    """Return what is known of a call of which a run of this epoch was heard."""
    session: Any = SimpleNamespace()
    return Track(CALL, session, INBOX, repeatable=True, epoch=epoch)


@pytest.mark.parametrize("epoch", [0, 1, 3])
async def test_a_cancelled_call_ends_also_between_two_attempts(epoch: int) -> None:
    """Nothing that an earlier attempt has said hides its end."""
    door = Door()
    entry = record_pb2.Entry(call=CALL, inbox=INBOX).SerializeToString()
    item = Item("stream", "1-0", entry, "c1", Count(epoch + 1, 0, epoch))
    assert await door.canceller.attached(item, "enough")
    assert await door.canceller.detached("default", CALL, "enough")
    for body in door.said:
        track = heard(epoch)
        assert advance(track, result_pb2.Result.FromString(body)) is Verdict.PASS
        assert track.ended
