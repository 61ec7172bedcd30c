"""A server started by hand, as it runs where there is no embedded stack."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from tests.livestack import wait_until
from tests.ports import free_port

__all__ = ["LoneServer", "service"]

#: Seconds that a service may take to end.
_STOP_S = 10


def service(module: str, *words: str, token: str = "") -> subprocess.Popen[str]:
    """Start a service; its output is a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=os.environ | {"FNQ_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class LoneServer:
    """fnq_server at a TCP port of this machine, with a token."""

    token = "the-right-token"

    def __init__(self, redis_url: str) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._redis_url = redis_url
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        words = ("--listen", self.address, "--redis", self._redis_url)
        self._process = service("fnq_server", *words, token=self.token)
        wait_until("the server listens", self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> str:
        """End it; return what it had to say."""
        assert self._process is not None
        self._process.terminate()
        said, _ = self._process.communicate(timeout=_STOP_S)
        return said

    def env(self, token: str | None = None) -> dict[str, str]:
        """Return the settings of a script that uses it, with the right token or another."""
        return {"FNQ_ADDR": self.address, "FNQ_TOKEN": self.token if token is None else token}
