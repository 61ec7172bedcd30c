"""A stand-in for Consul's API: what lies at keys, and who is healthy, in Consul's own words."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["ConsulApi", "consul_api"]


class ConsulApi:
    """What Consul knows, and with which tokens it was asked."""

    def __init__(self) -> None:
        self.place = ""
        self.keys: dict[str, bytes] = {}
        #: Instances by service, as the API has them.
        self.healthy: dict[str, list[dict[str, Any]]] = {}
        #: What is answered in place of anything else: status and text.
        self.refusal: tuple[int, str] | None = None
        self.tokens: set[str] = set()

    def answer(self, url: str) -> tuple[int, str]:
        """Return the status and the text of an answer."""
        if self.refusal is not None:
            return self.refusal
        path = unquote(urlsplit(url).path).removeprefix("/v1/")
        kind, _, name = path.partition("/")
        if kind == "kv":
            if name not in self.keys:
                return 404, ""
            value = base64.b64encode(self.keys[name]).decode() or None
            return 200, json.dumps([{"Key": name, "Value": value}])
        return 200, json.dumps(self.healthy.get(name.removeprefix("service/"), []))


@contextmanager
def consul_api() -> Iterator[ConsulApi]:
    """Give an API that listens on this machine."""
    api = ConsulApi()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.tokens.add(self.headers.get("X-Consul-Token", ""))
            status, text = api.answer(self.path)
            self.send_response(status)
            self.send_header("X-Consul-Index", "1")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.place = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
