"""Messages that were cut or overwritten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import record_pb2
from fnq_core.damaged import leading_fields


def _entry(**facts: object) -> bytes:
    entry = record_pb2.Entry(call=b"c" * 16, inbox="inbox", remaining_ms=300, rows=1)
    for name, value in facts.items():
        setattr(entry, name, value)
    entry.payload.inline = b"payload" * 30
    return entry.SerializeToString()


@given(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 63) - 1))
def test_of_a_whole_message_all_is_found(protocol: int, window: int) -> None:
    """Numbers and bytes, by field number."""
    found = leading_fields(_entry(protocol=protocol, window_bytes=window))
    assert found.get(1, 0) == protocol
    assert (found[2], found[4], found[8], found[9]) == (b"c" * 16, b"inbox", 300, 1)
    assert found.get(13, 0) == window


@given(st.integers(0, 400))
def test_of_one_that_was_cut_the_fields_before_the_cut_are_found(length: int) -> None:
    """None of them is changed."""
    whole = _entry(protocol=1)
    found = leading_fields(whole[:length])
    assert found.items() <= leading_fields(whole).items()
    assert (4 in found) == (length >= whole.index(b"inbox") + 5)


@given(st.binary(max_size=200))
def test_no_bytes_are_an_error(body: bytes) -> None:
    """Whatever they are, what is found lies in them."""
    for value in leading_fields(body).values():
        assert not isinstance(value, bytes) or value in body


def test_numbers_of_four_and_eight_bytes_are_passed_over() -> None:
    """A message of another version may have some; groups end the search."""
    fixed = b"\x0d1234" + b"\x1112345678" + b"\x12\x01x"
    assert leading_fields(fixed) == {2: b"x"}
    assert leading_fields(b"\x12\x01x" + b"\x0b" + b"\x12\x01y") == {2: b"x"}
