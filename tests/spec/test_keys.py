"""What calls leave in Redis: nothing, however many there were."""

from __future__ import annotations

from collections import Counter

import pytest

from fnq_core.kinds import KINDS, kind_of
from tests.livestack import Stack, wait_until
from tests.redis import RedisView
from tests.spec.program import lines

pytestmark = pytest.mark.spec

#: Kinds of keys that a stack has when its calls are over.
AT_REST = {"calls", "depths", "inbox", "control", "presence", "version", "bundle"}


def test_the_number_of_keys_does_not_grow_with_the_number_of_calls(stack: Stack) -> None:
    """Of each kind there are no more after 500 calls than after 10."""
    assert lines(stack, "amounts.py", "2") == ["made 2"]
    with stack.redis() as redis:
        wait_until("the streams are empty", lambda: not _waiting(redis))
        few = redis.amounts()
        assert few.keys() >= AT_REST

        assert lines(stack, "amounts.py", "100") == ["made 100"]

        wait_until("the streams are empty", lambda: not _waiting(redis))
        # Workers of other tests may be about to end just then.
        wait_until("there are no more", lambda: redis.amounts() - few == Counter())


def _waiting(redis: RedisView) -> list[str]:
    """Return the streams of calls and results that are not empty."""
    streams = [name for name in redis.names() if kind_of(name).noun in ("calls", "inbox")]
    return [name for name in streams if redis.ask("XLEN", name)]


def test_the_table_says_of_how_many_things_there_are_keys() -> None:
    """No kind of key is there for each call: for streams of them, or for those of a minute."""
    assert [kind.noun for kind in KINDS if kind.per.split(" stream")[0] == "call"] == [
        kind.noun for kind in KINDS if kind.per.startswith("call stream")
    ]
