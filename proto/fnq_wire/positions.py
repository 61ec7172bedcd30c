"""The positions of what a result brings: one for each chunk, or as many as a block has rows.

Pure.
"""

from __future__ import annotations

from fnq.v1 import result_pb2

__all__ = ["after", "below", "cut"]


def after(result: result_pb2.Result) -> int:
    """Return the position after the last chunk of a result."""
    return result.position + (sum(result.lengths) if result.lengths else len(result.chunks))


def below(result: result_pb2.Result, position: int) -> int:
    """Return how many chunks of a result lie below `position` whole."""
    if not result.lengths:
        return min(max(0, position - result.position), len(result.chunks))
    count, at = 0, result.position
    for length in result.lengths:
        at += length
        if at > position:
            break
        count += 1
    return count


def cut(result: result_pb2.Result, position: int) -> bool:
    """Take out the chunks that lie below `position` whole; return whether there were any.

    A block that begins below it and ends above stays.
    """
    count = below(result, position)
    if not count:
        return False
    result.position += sum(result.lengths[:count]) if result.lengths else count
    del result.chunks[:count]
    del result.lengths[:count]
    return True
