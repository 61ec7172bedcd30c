"""Ids of calls: what they say, and that they are UUIDs."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire import callid

VERSION = "abcdef" + "0" * 58
_ms = st.integers(0, (1 << 48) - 1)
_tag = st.integers(0, callid.SESSION_LIMIT - 1)
_seq = st.integers(0, callid.SEQ_LIMIT - 1)


@given(_ms, st.integers(0, 0xFFF), _tag, _seq)
def test_what_an_id_is_made_of_can_be_read_in_it(
    ms: int, function: int, tag: int, seq: int
) -> None:
    """parse(make(...)) gives the fields back, and the id is 16 bytes long."""
    call = callid.make(ms, f"{function:03x}{'0' * 61}", tag, seq)
    assert len(call) == 16
    assert callid.parse(call) == (ms, function, tag, seq)


@given(_ms, _tag, _seq)
def test_an_id_is_a_uuid_of_version_seven(ms: int, tag: int, seq: int) -> None:
    """Any tool that knows UUIDs reads version, variant and text of an id."""
    call = callid.make(ms, VERSION, tag, seq)
    found = uuid.UUID(bytes=call)
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert callid.text(call) == str(found)


def test_ids_sort_by_time() -> None:
    """Of two ids the one made in a later millisecond is the greater, whoever made it."""
    early = callid.make(1000, "fff", callid.SESSION_LIMIT - 1, callid.SEQ_LIMIT - 1)
    assert early < callid.make(1001, "000", 0, 0)


@pytest.mark.parametrize(
    ("ms", "tag", "seq"),
    [(1 << 48, 0, 0), (-1, 0, 0), (0, callid.SESSION_LIMIT, 0), (0, 0, callid.SEQ_LIMIT)],
)
def test_a_field_that_does_not_fit_is_refused(ms: int, tag: int, seq: int) -> None:
    """Nothing is cut off in silence."""
    with pytest.raises(ValueError, match="too large for a call id"):
        callid.make(ms, VERSION, tag, seq)


@pytest.mark.parametrize(
    "version", ["", "ab", "xyz", "../", "0xf", " ab", "+ab", "a_b", "\u0661\u0662\u0663"]
)
def test_a_version_that_is_not_hex_is_refused(version: str) -> None:
    """The function's bits come from hex digits only."""
    with pytest.raises(ValueError, match="hex digits"):
        callid.function_tag(version)


@pytest.mark.parametrize("call", [b"", bytes(16), bytes(15), uuid.UUID(int=1, version=4).bytes])
def test_bytes_that_are_no_id_are_refused(call: bytes) -> None:
    """Wrong length, version or variant is a ValueError."""
    with pytest.raises(ValueError, match="not the id of a call"):
        callid.parse(call)
