"""gRPC as every service dials it."""

from __future__ import annotations

import grpc.aio

from fnq_wire.tls import PLAIN, Tls
from fnq_wire.transport import OPTIONS

__all__ = ["EOF", "channel"]

#: What `read` returns when the other end has no more to say.
EOF = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it


def channel(address: str, tls: Tls = PLAIN, name: str = "") -> grpc.aio.Channel:
    """Return a channel to `address` ("unix:/path" or "host:port"); raises as `Tls.dial`."""
    secured = tls.dial(address, name)
    if secured is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    credentials, options = secured
    return grpc.aio.secure_channel(address, credentials, options=options)
