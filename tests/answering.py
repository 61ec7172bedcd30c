"""Something that speaks HTTP and always says the same, with TLS where it is told to."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fnq_wire.tls import PLAIN, Tls
from tests.httpserver import HttpServer

__all__ = ["answering"]


@contextmanager
def answering(
    answer: bytes,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    tls: Tls = PLAIN,
) -> Iterator[str]:
    """Give the "host:port" of something that answers each question with `answer`."""

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    context = None
    if tls.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
    with HttpServer(Other, context) as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{other.server_port}"
        finally:
            other.shutdown()
            thread.join()
