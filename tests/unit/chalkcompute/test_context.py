"""The call that the running code serves."""

from __future__ import annotations

import time

import pytest

import chalkcompute
from chalkcompute import CallContext, RemoteFunction, get_call_context
from chalkcompute.context import current
from fnq_wire.limits import MAX_DEPTH


def test_outside_of_a_call_there_is_none() -> None:
    """The error says where it can be had."""
    with pytest.raises(RuntimeError, match="outside of a remote call"):
        get_call_context()


def test_a_call_knows_itself() -> None:
    """Id, function, version and attempt are those of the call."""

    @chalkcompute.function
    def who() -> list[str]:
        here = get_call_context()
        return [here.call_id, here.function, here.version, str(here.attempt), here.root_call_id]

    call_id, function, version, attempt, root = who()
    assert (function, attempt, root) == ("who", "0", call_id)
    assert who.target is not None
    assert version == who.target.version


def test_a_nested_call_knows_its_parent_and_its_root() -> None:
    """The trace is the id of the first call."""

    @chalkcompute.function
    def inner() -> list[str]:
        here = get_call_context()
        return [str(here.parent_call_id), here.root_call_id, str(here.depth)]

    @chalkcompute.function
    def outer() -> list[str]:
        return [get_call_context().call_id, *inner()]

    own, parent, root, depth = outer()
    assert own == parent == root
    assert depth == "1"


def test_a_call_that_is_nested_too_deep_is_refused() -> None:
    """The caller below 64 levels gets a RecursionError before anything is sent."""

    @chalkcompute.function
    def leaf() -> int:
        return get_call_context().depth

    def at(depth: int) -> CallContext:
        return CallContext("c", "f", "v", 0, None, None, "root", depth)

    current.set(at(MAX_DEPTH - 2))
    try:
        assert leaf() == MAX_DEPTH - 1
        current.set(at(MAX_DEPTH - 1))
        with pytest.raises(RecursionError, match="'leaf' would be nested deeper than 64 levels"):
            leaf()
    finally:
        current.set(None)


def test_the_remaining_time_never_is_negative() -> None:
    """A deadline in the past leaves nothing; none leaves None."""
    late = CallContext("c", "f", "v", 0, time.time() - 5, None, "c", 0)
    assert late.remaining() == 0.0
    assert CallContext("c", "f", "v", 0, None, None, "c", 0).remaining() is None


def test_a_looked_up_function_is_refused_as_well() -> None:
    """Depth counts for handles without a body too."""

    @chalkcompute.function
    def leaf() -> int:
        return 0

    leaf()
    named = RemoteFunction.from_name("leaf")
    current.set(CallContext("c", "f", "v", 0, None, None, "root", MAX_DEPTH))
    try:
        with pytest.raises(RecursionError):
            named()
    finally:
        current.set(None)
