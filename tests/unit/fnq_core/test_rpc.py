"""gRPC as services dial it."""

from __future__ import annotations

from fnq_core.rpc import metadata


def test_a_token_travels_as_metadata() -> None:
    """Where there is one."""
    assert metadata("t") == (("authorization", "Bearer t"),)
    assert metadata(None) == metadata("") == ()
