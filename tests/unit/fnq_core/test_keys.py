"""Names of keys, made and taken apart."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from fnq_core import keys, kinds
from fnq_wire import callid

#: Public names of the module that make no key.
NO_KEYS = {"DEPTHS_CHANNEL", "GROUP", "namespace_of", "version_of"}
#: By the name of a parameter.
EXAMPLES = {
    "depth": 63,
    "tag": 0xABC,
    "members": 0xABC,
    "namespace": "a:b",
    "name": "a.b",
    "stream": keys.call_stream("a:b", "abc012", 63),
    "call": callid.make(1_790_000_000_000, "abc012", 7, 1),
}


@pytest.mark.parametrize("namespace", ["default", "a:b", ":", "{x}"])
@pytest.mark.parametrize("depth", [0, 63])
def test_a_call_stream_tells_its_version(namespace: str, depth: int) -> None:
    """And its namespace, whatever that is called."""
    assert keys.namespace_of(keys.call_stream(namespace, "abc012", depth)) == namespace
    assert keys.version_of(keys.call_stream(namespace, "abc012", depth)) == "abc012"


@pytest.mark.parametrize("name", sorted(set(keys.__all__) - NO_KEYS))
def test_every_key_is_of_exactly_one_kind(name: str) -> None:
    """Whatever makes a key, the table says who lets it go."""
    key: Any = getattr(keys, name)
    if not isinstance(key, str):
        names = inspect.signature(key).parameters
        key = key(**{each: EXAMPLES.get(each, "abc012") for each in names})
    assert [each for each in kinds.KINDS if each.pattern.fullmatch(key)] == [kinds.kind_of(key)]


def test_every_kind_has_a_key_of_its_own() -> None:
    """No line of the table is about keys that nobody makes."""
    made = {
        name: getattr(keys, name)
        for name in keys.__all__
        if name not in NO_KEYS and callable(getattr(keys, name))
    }
    assert len(kinds.KINDS) == len(made) + len(
        (keys.NAMESPACES, keys.SESSIONS, keys.DELETED, keys.LEADER, keys.REVISION)
    )
    assert len({kind.noun for kind in kinds.KINDS}) == len(kinds.KINDS)


@pytest.mark.parametrize("key", ["fnq:session", "fnq:calls:v:0", "other", "fnq:{x}:new:thing", ""])
def test_a_key_of_another_kind_is_none_of_ours(key: str) -> None:
    """The error says where its kind belongs."""
    with pytest.raises(LookupError, match=r"fnq_core\.kinds\.KINDS"):
        kinds.kind_of(key)
