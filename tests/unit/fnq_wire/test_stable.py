"""Values as bytes that are the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire import stable
from fnq_wire.error import SerializationError

KEYS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.frozensets(inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=6,
)
VALUES = st.recursive(
    KEYS | st.sets(KEYS, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PROTO = Path(__file__).resolve().parents[3] / "proto"


@given(VALUES)
def test_a_value_comes_back_equal(value: Any) -> None:
    """With sets wherever it has them."""
    back = stable.decode(stable.encode(value))
    assert back == value
    assert type(back) is type(value)


def test_sets_are_the_same_bytes_in_every_process() -> None:
    """However the process hashes text."""
    program = (
        "from fnq_wire import stable\nimport sys\n"
        "v = [{'a', 'b', ('c', frozenset('def'))}, {frozenset('xyz'): {1, 'q', None}}]\n"
        "sys.stdout.write(stable.encode(v).hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONPATH": str(PROTO), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_a_tuple_that_begins_with_an_id_is_a_tuple() -> None:
    """Only two ids of our own stand for sets, and only where there is a set."""
    mark = next(iter(stable._SETS))
    for value in ((uuid.uuid4(), {1}), (mark, 1)):
        assert stable.decode(stable.encode(value)) == value


@pytest.mark.parametrize("data", [b"", b"\2x", b"\0", b"\1"])
def test_other_bytes_are_refused(data: bytes) -> None:
    """As no value."""
    with pytest.raises(SerializationError, match="do not hold a value"):
        stable.decode(data)


def test_what_cannot_travel_is_refused() -> None:
    """As by the codec of calls."""
    with pytest.raises(SerializationError, match="object"):
        stable.encode([object()])
