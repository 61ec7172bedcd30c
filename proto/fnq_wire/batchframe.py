"""Frames that bring a runner the calls of a batch. Standard library only.

what a DISPATCH says besides its payload | members u32 | a head for each | their payloads
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from fnq_wire.pieces import Spooled
from fnq_wire.pipe import DispatchInfo, FrameError, Kind, encode, pack_info, payload_of, placed

__all__ = ["BatchMember", "encode_batch", "read_batch"]

#: Of each member: call, epoch, bytes of its payload, whether that is spooled, packed, first
#: row, rows. Before them: how many.
_MEMBER, _COUNT = struct.Struct("<16sIQB?II"), struct.Struct("<I")


class BatchMember(NamedTuple):
    """A call of a batch, its epoch, and its arguments.

    One that is `packed` has `rows` rows, and those from `first_row` on are in the batch.
    """

    call: bytes
    epoch: int
    payload: bytes | Spooled
    packed: bool = False
    first_row: int = 0
    rows: int = 1


def encode_batch(
    address: bytes, epoch: int, depth: int, info: DispatchInfo, members: Sequence[BatchMember]
) -> bytes:
    """Return a BATCH frame."""
    parts = [pack_info(info), _COUNT.pack(len(members))]
    payloads = [placed(0, each.payload) for each in members]
    parts += [
        _MEMBER.pack(it.call, it.epoch, len(data), spooled, it.packed, it.first_row, it.rows)
        for it, (spooled, data) in zip(members, payloads, strict=True)
    ]
    parts += [data for _, data in payloads]
    return encode(Kind.BATCH, address, epoch, depth, b"".join(parts))


def read_batch(members: bytes | Spooled) -> list[BatchMember]:
    """Return the members of a batch: what follows the facts in a BATCH frame."""
    if isinstance(members, Spooled):
        raise FrameError("a BATCH frame without its members")
    try:
        (count,) = _COUNT.unpack_from(members)
        start = _COUNT.size + count * _MEMBER.size
        found = []
        for call, epoch, size, spooled, *rows in _MEMBER.iter_unpack(members[_COUNT.size : start]):
            data = members[start : start + size]
            found.append(BatchMember(call, epoch, payload_of(data, spooled), *rows))
            start += size
    except struct.error as problem:
        raise FrameError(
            f"BATCH frame with {len(members)} bytes of members is malformed"
        ) from problem
    if start != len(members) or len(found) != count or not found:
        raise FrameError(f"BATCH frame with {len(members)} bytes of members is cut short")
    return found
