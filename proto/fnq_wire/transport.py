"""How gRPC is set up at both ends of every stream."""

from __future__ import annotations

from fnq_wire.limits import MAX_FRAME
from fnq_wire.protocol import PROTOCOL

__all__ = ["OPTIONS", "PROTOCOL_HEADER", "metadata"]

#: Name of the metadata in which whoever asks says which version of the wire it speaks.
PROTOCOL_HEADER = "fnq-protocol"

#: Of channels and servers alike.
OPTIONS = [
    ("grpc.max_receive_message_length", MAX_FRAME),
    ("grpc.max_send_message_length", MAX_FRAME),
    # A peer that is cut off is noticed within 15 s even when nothing is sent.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
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


def metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return what goes along with each call of an RPC: the version, and `token` if there is one."""
    version = (PROTOCOL_HEADER, str(PROTOCOL))
    return (version, ("authorization", f"Bearer {token}")) if token else (version,)
