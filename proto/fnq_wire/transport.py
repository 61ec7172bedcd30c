"""How gRPC is set up at both ends of every stream."""

from __future__ import annotations

from fnq_wire.limits import MAX_FRAME
from fnq_wire.protocol import PROTOCOL

__all__ = [
    "AGENT_ANSWER_S",
    "ANSWER_S",
    "ASK_S",
    "OPTIONS",
    "PROTOCOL_HEADER",
    "metadata",
    "options",
]

#: Name of the metadata in which whoever asks says which version of the wire it speaks.
PROTOCOL_HEADER = "fnq-protocol"

#: Seconds of silence after which a peer is asked whether it is there, and seconds that
#: its answer may take: one that is cut off is noticed within the sum of both.
ASK_S, ANSWER_S = 5, 10
#: What a consumer grants its agents. An agent notices a cut before its consumer does,
#: and says through Redis that it lives: it is not taken for dead.
AGENT_ANSWER_S = 20


def options(answer_s: int = ANSWER_S) -> list[tuple[str, int]]:
    """Return how a channel or a server is set up; a peer has `answer_s` seconds to answer."""
    return [
        ("grpc.max_receive_message_length", MAX_FRAME),
        ("grpc.max_send_message_length", MAX_FRAME),
        ("grpc.keepalive_time_ms", ASK_S * 1000),
        # What gRPC's pings obey is the second one, which is a minute unless it is said;
        # the first bounds how long the kernel may wait for what was sent.
        ("grpc.keepalive_timeout_ms", answer_s * 1000),
        ("grpc.http2.ping_timeout_ms", answer_s * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.max_ping_strikes", 0),
        # Reconnecting is decided by our own loops, not by gRPC's long backoff.
        ("grpc.initial_reconnect_backoff_ms", 50),
        # What one attempt may take, whatever its name says: a busy machine is slow.
        ("grpc.min_reconnect_backoff_ms", 3_000),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.so_reuseport", 0),
    ]


#: Of all channels, and of servers but a consumer's.
OPTIONS = options()


def metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return what goes along with each call of an RPC: the version, and `token` if there is one."""
    version = (PROTOCOL_HEADER, str(PROTOCOL))
    return (version, ("authorization", f"Bearer {token}")) if token else (version,)
