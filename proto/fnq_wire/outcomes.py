"""A block: the outcomes of consecutive rows of a packed call, as bytes.

    first row u64 | rows u32 | microseconds u64 | length of the failures u32 | failures | values

The values are one Arrow payload, of the rows that did not fail, in order; nothing where
all failed. The failures are JSON: envelopes by the offset of their row in the block. The
microseconds are how long the rows ran. Standard library only.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from fnq_wire import failure
from fnq_wire.failure import Envelope

__all__ = ["Outcomes", "head", "pack", "span", "unpack"]

_HEAD = struct.Struct("<QIQI")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Hold what a block says: `values` is the payload of those rows that did not fail."""

    first: int
    count: int
    ran_us: int
    failures: dict[int, Envelope]
    values: memoryview


def pack(
    values: bytes,
    failures: Mapping[int, Envelope],
    count: int,
    first: int = 0,
    ran_us: int = 0,
) -> bytes:
    """Return the block of `count` rows, from row `first` on, that ran for `ran_us`."""
    return head(failures, count, first, ran_us) + values


def head(failures: Mapping[int, Envelope], count: int, first: int, ran_us: int) -> bytes:
    """Return what a block has before its values."""
    told = json.dumps({str(at): it for at, it in failures.items()}).encode() if failures else b""
    return _HEAD.pack(first, count, ran_us, len(told)) + told


def span(block: bytes | memoryview) -> tuple[int, int]:
    """Return the first row of a block, and how many it has; raises ValueError."""
    if len(block) < _HEAD.size:
        raise ValueError("the block is cut short")
    first, count, _, _ = _HEAD.unpack_from(block)
    return first, count


def unpack(block: bytes | memoryview) -> Outcomes:
    """Return what a block says; raises ValueError when it is none."""
    view = memoryview(block)
    if len(view) < _HEAD.size:
        raise ValueError("the block is cut short")
    first, count, ran_us, length = _HEAD.unpack_from(view)
    start = _HEAD.size + length
    if len(view) < start:
        raise ValueError("the failures of the block are cut short")
    failures = _failures(bytes(view[_HEAD.size : start]), count)
    return Outcomes(first, count, ran_us, failures, view[start:])


def _failures(told: bytes, count: int) -> dict[int, Envelope]:
    """Return the envelopes by offset; raises ValueError when they are not of the block."""
    if not told:
        return {}
    try:
        found = json.loads(told)
        failures = {int(at): failure.sound(it) for at, it in found.items()}
    except (ValueError, AttributeError, RecursionError) as problem:
        raise ValueError("the failures of the block are no envelopes by offset") from problem
    if len(failures) != len(found) or not all(0 <= at < count for at in failures):
        raise ValueError(f"failures of other rows than the {count} of the block")
    return failures
