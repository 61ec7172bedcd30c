"""What goes along with every call of an RPC, and how long silence lasts."""

from __future__ import annotations

from fnq_wire.protocol import PROTOCOL
from fnq_wire.transport import (
    AGENT_ANSWER_S,
    ANSWER_S,
    ASK_S,
    PROTOCOL_HEADER,
    metadata,
    options,
)


def test_version_and_token_travel_as_metadata() -> None:
    """The token where there is one."""
    version = (PROTOCOL_HEADER, str(PROTOCOL))
    assert metadata("t") == (version, ("authorization", "Bearer t"))
    assert metadata(None) == metadata("") == (version,)


def test_an_agent_notices_silence_before_its_consumer_does() -> None:
    """Also where the consumer has just asked, and the agent has just heard something."""
    assert AGENT_ANSWER_S > ASK_S + ANSWER_S


def test_a_ping_is_waited_for_as_long_as_the_options_say() -> None:
    """By gRPC, whose own patience is a minute, and by the kernel."""
    said = dict(options(7))
    assert said["grpc.http2.ping_timeout_ms"] == said["grpc.keepalive_timeout_ms"] == 7_000
