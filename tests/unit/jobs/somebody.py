"""What answers in Nomad's place, or where nobody of ours should ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Somebody", "somebody"]

#: Seconds between two looks whether the test is over.
_LOOK_S = 0.02


@dataclass
class Somebody:
    """A port of loopback, and what was asked there: "GET /path", without the query."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Its address as that of a Nomad."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def somebody(answers: Mapping[str, object] | None = None) -> Iterator[Somebody]:
    """Answer what is asked with what stands under its path, and all else with 404 not found."""
    found = Somebody()

    class Answer(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path = self.path.partition("?")[0]
            found.asked.append(f"{self.command} {path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            known = path in (answers or {}) or self.command != "GET"
            self.send_response(200 if known else 404)
            self.end_headers()
            text = json.dumps((answers or {}).get(path)) if known else "not found"
            self.wfile.write(text.encode())

        do_GET = do_PUT = do_DELETE = answer  # noqa: N815 - as the library calls them

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=[_LOOK_S])
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
