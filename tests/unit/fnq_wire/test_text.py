"""Columns of so many strings that pyarrow makes and reads them are those of few."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pyarrow as pa
import pytest

from fnq_wire.arrow import Codec
from fnq_wire.column.text import MANY
from fnq_wire.error import SerializationError

TEXTS = ["", "plain", "größer", "日本語", "\x00", "a" * 300]


def several(text: str) -> str | None:
    """Return what comes."""
    return text


CODEC = Codec.of(several).rows


def column(count: int, *, nulls: bool = False) -> list[Any]:
    """Return so many strings, ASCII and not; with `nulls` one in seven is missing."""
    found: list[Any] = [f"{TEXTS[at % 6]}{at}" for at in range(count)]
    return [None if nulls and at % 7 == 0 else text for at, text in enumerate(found)]


@pytest.mark.parametrize("count", [MANY - 1, MANY, MANY + 5_000])
@pytest.mark.parametrize("nulls", [False, True])
def test_a_column_of_many_strings_comes_back(count: int, nulls: bool) -> None:
    """Whole or as a stream, missing ones too; any reader of Arrow can open it."""
    texts = column(count, nulls=nulls)
    payload = CODEC.encode_results(texts)
    assert CODEC.decode_results(payload) == texts
    assert pa.ipc.open_stream(payload).read_all()["result"].to_pylist() == texts
    arguments = CODEC.encode_columns([column(count)])
    [stream] = CODEC.stream_arguments(arguments) or []
    assert list(stream) == column(count)
    [rest] = CODEC.stream_arguments(arguments, 100) or []
    assert list(islice(rest, 2)) == column(count)[100:102]


def test_many_strings_of_which_one_is_no_unicode_are_refused_or_tagged_as_few_are() -> None:
    """A lone surrogate cannot be UTF-8."""
    for count in (3, MANY):
        texts = [*column(count), "\ud800"]
        assert CODEC.decode_results(CODEC.encode_results(texts)) == texts


def test_many_corrupt_strings_are_an_error_before_the_first_is_read() -> None:
    """Offsets that fall, and bytes that are no UTF-8."""
    payload = bytearray(CODEC.encode_columns([["abcd"] * MANY]))
    at = payload.index(b"abcdabcd")
    payload[at] = 0xFF
    with pytest.raises(SerializationError, match="corrupt"):
        CODEC.stream_arguments(bytes(payload))
    payload[at] = ord("a")
    edges = payload.index((4).to_bytes(4, "little") + (8).to_bytes(4, "little"))
    payload[edges : edges + 4] = (1 << 30).to_bytes(4, "little")
    with pytest.raises(SerializationError, match="corrupt"):
        CODEC.stream_arguments(bytes(payload))
