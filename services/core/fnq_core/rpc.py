"""gRPC as every service dials it: options, tokens, versions."""

from __future__ import annotations

import grpc.aio

__all__ = ["EOF", "MAX_FRAME", "OPTIONS", "PROTOCOL", "channel", "metadata", "version_problem"]

#: What `read` returns when the other end has no more to say.
EOF = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it
#: Version of the wire; two ends that differ do not talk.
PROTOCOL = 1
#: Bytes of one gRPC message. Larger values travel by reference.
MAX_FRAME = 64 << 20

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


def channel(address: str) -> grpc.aio.Channel:
    """Return a channel to `address` ("unix:/path" or "host:port")."""
    return grpc.aio.insecure_channel(address, options=OPTIONS)


def metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return the call metadata that carries `token`."""
    return (("authorization", f"Bearer {token}"),) if token else ()


def version_problem(ours: str, theirs: str, protocol: int) -> str | None:
    """Return what is wrong when a peer speaks another version of the wire, or None."""
    if protocol == PROTOCOL:
        return None
    older = theirs if protocol < PROTOCOL else ours
    return (
        f"{theirs} speaks version {protocol} of the protocol, {ours} version {PROTOCOL}: "
        f"update fnq where the {older} runs"
    )
