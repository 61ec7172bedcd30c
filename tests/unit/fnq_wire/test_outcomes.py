"""Blocks: the bytes of outcomes say what was packed, and nothing else is read from them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire import failure, outcomes
from fnq_wire.pieces import Pieces, behind, whole

ENVELOPES = st.builds(failure.make, st.just("RemoteError"), st.text(max_size=9))


@given(st.integers(0, 2**63), st.integers(0, 50), st.binary(max_size=40), st.data())
def test_a_block_says_what_was_packed(
    first: int, count: int, values: bytes, data: st.DataObject
) -> None:
    """Rows, values, and the envelope of each row that failed."""
    offsets = st.integers(0, max(0, count - 1))
    failures = data.draw(st.dictionaries(offsets, ENVELOPES, max_size=5)) if count else {}
    block = outcomes.pack(values, failures, count, first, ran_us=first // 2)
    found = outcomes.unpack(block)
    assert outcomes.span(block) == (found.first, found.count) == (first, count)
    assert found.ran_us == first // 2
    assert (found.count, found.failures, bytes(found.values)) == (count, failures, values)
    head = outcomes.head(failures, count, first, first // 2)
    for payload in (values, Pieces([values[:3], values[3:]], len(values))):
        placed = behind(head, payload)
        assert (whole(placed), len(placed)) == (block, len(block))


@pytest.mark.parametrize(
    "told",
    [b"[]", b"{", b'{"x": {}}', b'{"2": {}}', b'{"-1": {}}', b'{"0": 1}', b'{"0": {}, "00": {}}'],
)
def test_failures_that_are_none_of_the_block_are_refused(told: bytes) -> None:
    """Of rows that it does not have, or that are no envelopes."""
    with pytest.raises(ValueError, match="block"):
        outcomes.unpack(struct.pack("<QIQI", 0, 2, 0, len(told)) + told)


@given(st.binary(max_size=30))
def test_any_bytes_are_a_block_or_an_error(block: bytes) -> None:
    """Nothing else is raised."""
    try:
        outcomes.unpack(block)
    except ValueError:
        return
