"""gRPC as every service dials it."""

from __future__ import annotations

import grpc.aio

from fnq_wire.transport import OPTIONS

__all__ = ["EOF", "channel"]

#: What `read` returns when the other end has no more to say.
EOF = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it


def channel(address: str) -> grpc.aio.Channel:
    """Return a channel to `address` ("unix:/path" or "host:port")."""
    return grpc.aio.insecure_channel(address, options=OPTIONS)
