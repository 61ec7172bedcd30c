"""What goes along with every call of an RPC."""

from __future__ import annotations

from fnq_wire.protocol import PROTOCOL
from fnq_wire.transport import PROTOCOL_HEADER, metadata


def test_version_and_token_travel_as_metadata() -> None:
    """The token where there is one."""
    version = (PROTOCOL_HEADER, str(PROTOCOL))
    assert metadata("t") == (version, ("authorization", "Bearer t"))
    assert metadata(None) == metadata("") == (version,)
