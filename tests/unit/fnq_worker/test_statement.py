"""What a consumer must hear of at once."""

from __future__ import annotations

import pytest

from fnq.v1 import worker_pb2
from fnq_worker.statement import Statement


def _slots(free: int, seen: int = 0, lent: int = 0) -> worker_pb2.Slots:
    made = worker_pb2.Slots(free=free, seen=seen)
    if lent:
        made.lent.add(depth=1, count=lent)
    return made


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        # What it sent itself it knows.
        (_slots(1), _slots(0, seen=1), False),
        (_slots(128), _slots(127, seen=1), False),
        # The room that it knows of will do for now, or it will not.
        (_slots(128), _slots(128, seen=1), False),
        (_slots(128), _slots(128, seen=64), False),
        (_slots(128), _slots(128, seen=65), True),
        (_slots(1), _slots(1, seen=1), True),
        (_slots(0), _slots(1), True),
        # It would send too much.
        (_slots(2), _slots(1), True),
        (_slots(128, seen=3), _slots(0, seen=4), True),
        # Lent slots come and go.
        (_slots(0), _slots(0, lent=1), True),
        (_slots(0, lent=1), _slots(0, lent=1), True),
        (_slots(0, lent=1), _slots(0), True),
    ],
)
def test_what_is_due(last: worker_pb2.Slots, now: worker_pb2.Slots, due: bool) -> None:
    """Room that it lacks or believes in wrongly; all else goes with the next report."""
    statement = Statement()
    statement.note(last)
    assert statement.is_due(now) is due


def test_the_first_statement_is_due() -> None:
    """Even of nothing."""
    assert Statement().is_due(_slots(0))
