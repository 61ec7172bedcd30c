"""gRPC as the SDK dials it, and why a server that was dialled cannot be talked to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from chalkcompute.errors import ConnectionLostError, DiscoveryError, FnqError, TlsError
from fnq_wire.transport import OPTIONS

if TYPE_CHECKING:
    from fnq_wire.tls import Tls

__all__ = ["explained", "open_channel"]


def open_channel(address: str, tls: Tls, name: str) -> grpc.Channel:
    """Return a channel to "host:port" or "unix:/path"; `name` is as in `Tls.dial`.

    Raises TlsError that names a file which cannot be used.
    """
    secured = tls.dial(address, name)
    if secured is None:
        return grpc.insecure_channel(address, options=OPTIONS)
    credentials, options = secured
    return grpc.secure_channel(address, credentials, options=options)


def explained(error: FnqError, address: str, tls: Tls, name: str) -> FnqError:
    """Return `error`, or a TlsError where a handshake tells why a server is out of reach.

    Blocks for a few seconds at most.
    """
    if not isinstance(error, ConnectionLostError) or isinstance(error, (DiscoveryError, TlsError)):
        return error
    from fnq_wire import handshake

    flaw = handshake.problem(address, tls, name)
    if flaw is None:
        return error
    return TlsError(f"no connection to the server at {address}: {flaw}")
