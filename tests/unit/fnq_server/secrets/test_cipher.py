"""Sealing: what opens, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_server.secrets.cipher import (
    KEY_BYTES,
    Cipher,
    ForeignKeyError,
    Sealed,
    TamperedError,
    fresh_key,
)

CIPHER = Cipher(bytes(KEY_BYTES))
WORDS = st.lists(st.text(max_size=8), max_size=4)


@given(st.binary(max_size=64), WORDS)
def test_what_is_sealed_opens_about_the_same(text: bytes, about: list[str]) -> None:
    """And does not show what it is."""
    sealed = CIPHER.seal(text, about)
    assert CIPHER.open(sealed, about) == text
    assert len(text) < 8 or text not in sealed.body


@given(WORDS, WORDS)
def test_it_does_not_open_about_anything_else(about: list[str], other: list[str]) -> None:
    """However the words are cut."""
    sealed = CIPHER.seal(b"value", about)
    if about != other:
        with pytest.raises(TamperedError):
            CIPHER.open(sealed, other)


@pytest.mark.parametrize("part", ["nonce", "body"])
def test_a_bit_that_was_changed_is_noticed(part: str) -> None:
    """In any part, also where one is missing."""
    sealed = CIPHER.seal(b"value", ["x"])
    good: bytes = getattr(sealed, part)
    for bad in (bytes([good[0] ^ 1, *good[1:]]), b""):
        with pytest.raises(TamperedError):
            CIPHER.open(sealed._replace(**{part: bad}), ["x"])


def test_another_key_is_told_from_damage() -> None:
    """What is sealed says which one it needs."""
    with pytest.raises(ForeignKeyError):
        Cipher(fresh_key()).open(CIPHER.seal(b"value", []), [])
    with pytest.raises(ForeignKeyError):
        CIPHER.open(Sealed(b"", b"", b""), [])


def test_the_same_value_is_sealed_in_another_way_each_time() -> None:
    """Nobody sees that two are equal."""
    assert CIPHER.seal(b"value", []).body != CIPHER.seal(b"value", []).body
