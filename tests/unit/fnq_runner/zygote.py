"""A connection to a zygote for tests, and a zygote to connect to."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["PATIENCE", "Zygote", "until", "zygote_at"]

#: Seconds that a test waits for what should come at once.
PATIENCE = 20.0


class Zygote:
    """A connection to a zygote."""

    def __init__(self, place: Path | socket.socket) -> None:
        if isinstance(place, socket.socket):
            self.sock = place
        else:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.connect(str(place))
        self.sock.settimeout(PATIENCE)
        self._heard = b""
        self._news: deque[dict[str, Any]] = deque()

    def fork(self, token: str, pipe: int, out: int, **order: Any) -> int:
        """Have a runner forked with its output at `out`; return its pid."""
        line = json.dumps({"fork": token, "env": {}, "cwd": "/", **order}).encode() + b"\n"
        socket.send_fds(self.sock, [line], [pipe, out, out])
        pid: int = self.until(lambda news: news.get("forked") == token)["pid"]
        return pid

    def say(self, **order: Any) -> None:
        """Send an order without descriptors."""
        self.sock.sendall(json.dumps(order).encode() + b"\n")

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first news that is `wanted`; others stay for later."""
        while True:
            for news in tuple(self._news):
                if wanted(news):
                    self._news.remove(news)
                    return news
            data = self.sock.recv(65536)
            assert data, "the zygote has gone"
            *lines, self._heard = (self._heard + data).split(b"\n")
            self._news += map(json.loads, lines)

    def exited(self, token: str) -> dict[str, Any]:
        """Return how a runner ended."""
        return self.until(lambda news: news.get("exited") == token)

    def close(self) -> None:
        """Leave; the runners go too."""
        self.sock.close()


def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds."""
    late = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < late, "it never came to hold"
        select.select([], [], [], 0.005)


@contextmanager
def zygote_at(path: Path, *, stale: bool = False) -> Iterator[Path]:
    """Have a zygote listen at `path`, where a `stale` socket may lie."""
    before = path.stat().st_ino if stale else 0
    process = subprocess.Popen([sys.executable, "-m", "fnq_runner", "--zygote", str(path)])
    try:
        until(lambda: path.exists() and path.stat().st_ino != before)
        yield path
    finally:
        process.terminate()
        assert process.wait(PATIENCE) == 0
        assert not path.exists()
