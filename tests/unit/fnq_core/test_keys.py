"""Names of keys, made and taken apart."""

from __future__ import annotations

import pytest

from fnq_core import keys


@pytest.mark.parametrize("namespace", ["default", "a:b", ":", "{x}"])
@pytest.mark.parametrize("depth", [0, 63])
def test_a_call_stream_tells_its_version(namespace: str, depth: int) -> None:
    """Whatever the namespace is called."""
    assert keys.version_of(keys.call_stream(namespace, "abc012", depth)) == "abc012"
