"""A server of HTTP for tests, with TLS where it is told to."""

from __future__ import annotations

import socket
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["HttpServer"]


class HttpServer(ThreadingHTTPServer):
    """Answers at a free port of this machine, each connection in a thread of its own."""

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._tls = tls

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return a connection; its handshake is still to come, in its own thread."""
        plain, address = super().get_request()
        if self._tls is None:
            return plain, address
        try:
            # Of one that has left already Python would lose the socket.
            plain.getpeername()
            tls = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        except OSError:
            plain.close()
            raise
        return tls, address

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a handshake that failed: that is what was tried."""
