"""Marks that a script and its functions leave for each other, on the machine of the script.

The script keeps them, and a function asks for them over a socket: the two may have no
file in common.
"""

from __future__ import annotations

import socket
import socketserver
import threading
import time


class _Request(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Take a mark, or tell whether one is there."""
        verb, mark = self.rfile.readline().decode().strip().split(" ", 1)
        marks = self.server.marks  # type: ignore[attr-defined]
        if verb == "leave":
            marks.add(mark)
        self.wfile.write(b"yes" if mark in marks else b"no")


class Marks:
    """Where the marks of one script are; `address` is for its functions."""

    def __init__(self) -> None:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Request)
        self._server.daemon_threads = True
        self.marks: set[str] = set()
        self._server.marks = self.marks  # type: ignore[attr-defined]
        self.address: tuple[str, int] = self._server.server_address  # type: ignore[assignment]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self, mark: str) -> None:
        """Return once a function has left the mark."""
        deadline = time.monotonic() + 15
        while mark not in self.marks:
            assert time.monotonic() < deadline, f"no mark {mark!r}"
            time.sleep(0.01)


def leave(address: tuple[str, int], mark: str) -> None:
    """Leave a mark with the script."""
    _ask(address, "leave", mark)


def left(address: tuple[str, int], mark: str) -> bool:
    """Return whether the mark is there."""
    return _ask(address, "look", mark) == b"yes"


def _ask(address: tuple[str, int], verb: str, mark: str) -> bytes:
    with socket.create_connection(tuple(address)) as asked:
        asked.sendall(f"{verb} {mark}\n".encode())
        return asked.recv(8)
