"""Something that answers as a Redis of some version would, and can do nothing else."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["pretend"]


class _Handler(socketserver.StreamRequestHandler):
    """Answer INFO with a version, and all else with OK."""

    info: bytes

    def handle(self) -> None:
        while header := self.rfile.readline():
            words = [self._word() for _ in range(int(header[1:]))]
            said = self.info
            answer = b"$%d\r\n%s\r\n" % (len(said), said) if words[0] == b"INFO" else b"+OK\r\n"
            self.wfile.write(answer)

    def _word(self) -> bytes:
        length = int(self.rfile.readline()[1:])
        return self.rfile.read(length + 2)[:-2].upper()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def pretend(version: str) -> Iterator[str]:
    """Be a Redis of that version within the block; the value is its URL."""

    class Handler(_Handler):
        info = f"# Server\r\nredis_version:{version}\r\n".encode()

    with _Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
