"""Positions of results: of chunks one each, of blocks as many as they have rows."""

from __future__ import annotations

import pytest

from fnq.v1 import result_pb2
from fnq_wire import positions


def result(position: int, chunks: int, lengths: list[int]) -> result_pb2.Result:
    """Return a result whose chunks say where they lie in it."""
    made = result_pb2.Result(position=position, lengths=lengths)
    for at in range(chunks):
        made.chunks.add(inline=b"%d" % at)
    return made


@pytest.mark.parametrize(
    ("lengths", "position", "after", "below", "left"),
    [
        ([], 3, 7, 0, 3),
        ([], 5, 7, 2, 5),
        ([], 7, 7, 4, 7),
        ([], 9, 7, 4, 7),
        ([1, 2, 5, 1], 3, 12, 0, 3),
        ([1, 2, 5, 1], 4, 12, 1, 4),
        ([1, 2, 5, 1], 5, 12, 1, 4),
        ([1, 2, 5, 1], 10, 12, 2, 6),
        ([1, 2, 5, 1], 11, 12, 3, 11),
        ([1, 2, 5, 1], 12, 12, 4, 12),
    ],
)
def test_what_lies_below_a_position_is_cut_and_a_block_across_it_stays(
    lengths: list[int], position: int, after: int, below: int, left: int
) -> None:
    """Four chunks from position 3 on."""
    made = result(3, 4, lengths)
    assert positions.after(made) == after
    assert positions.below(made, position) == below
    assert positions.cut(made, position) is (below > 0)
    assert [each.inline for each in made.chunks] == [b"%d" % at for at in range(below, 4)]
    assert (made.position, list(made.lengths)) == (left, lengths[below:])
    assert positions.after(made) == after
