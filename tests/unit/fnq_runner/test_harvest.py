"""What is gathered of many rows goes out whole, whenever their run is stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fnq_runner.depot import Depot
from fnq_runner.harvest import LOT, Harvest
from fnq_runner.invocation import Interrupted
from fnq_wire.arrow import Codec
from fnq_wire.pipe import Decoder


def text() -> str:
    """Return what is declared."""
    return ""


ROWS = Codec.of(text).rows


class Stopping:
    """A host and a pipe: once `after` stretches were shielded a signal has come."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.posted: list[bytes] = []

    def shield(self) -> None:
        return

    def expose(self, _: object) -> None:
        self.after -= 1
        if self.after == 0:
            raise Interrupted("enough")

    def post(self, frame: bytes) -> None:
        self.posted.append(frame)


def run(harvest: Harvest, returned: list[list[Any]]) -> None:
    """Take lots of results as a run does."""
    for lot in returned:
        harvest.values += lot
        harvest.settle(len(harvest.values) - len(lot))
    harvest.finish()


@pytest.mark.parametrize("odd", [None, 7, "\ud800"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_that_is_stopped_tells_each_row_once(odd: Any, after: int) -> None:
    """Also where it is stopped while its results become a column, or values again."""
    world: Any = Stopping(after)
    call: Any = SimpleNamespace(
        position=0, rows=9 * LOT, ended=False, careful=False, call=bytes(16), epoch=0
    )
    returned: list[list[Any]] = [[f"{lot} {n}" for n in range(LOT)] for lot in range(after)]
    if odd is not None and after > 1:
        returned[1][5] = odd
    harvest = Harvest(call, ROWS, "f", Depot(), world, world)
    harvest.grow()
    with pytest.raises(Interrupted):
        run(harvest, returned)
    if not world.posted:
        harvest.finish()
    [frame] = Decoder().feed(world.posted[0])
    block = ROWS.read_block(frame.body)
    wanted = [value for lot in returned for value in lot]
    assert (block.values, block.failures, call.position) == (wanted, {}, len(wanted))
