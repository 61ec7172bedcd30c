"""A real Redis for tests, on a Unix socket in a folder of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from fnq_core.kinds import kind_of
from fnq_local.redis import find
from fnq_wire.tls import PLAIN, Tls

__all__ = ["RedisServer", "RedisView", "full", "ownerless", "wait_until"]

#: A line of `INFO commandstats`, and what `spent` itself does.
_COMMAND = re.compile(r"cmdstat_([^:]+):calls=(\d+)")
_OUR_OWN = ("info", "config|resetstat", "config")
#: Seconds that Redis may take to answer after its start.
_START_S = 10.0


class RedisView:
    """A Redis as a test looks at it from outside of the code under test."""

    def __init__(self, url: str) -> None:
        #: What services take as --redis.
        self.url = url
        self._client: redis.Redis | None = None

    @property
    def client(self) -> redis.Redis:
        """A client that blocks."""
        if self._client is None:
            self._client = redis.Redis.from_url(self.url, protocol=2)
        return self._client

    def close(self) -> None:
        """Give the connections up; the next look makes new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def ask(self, *command: Any) -> Any:
        """Return Redis' answer to one command, without any conversion."""
        self.client.response_callbacks.clear()
        return self.client.execute_command(*command)

    def names(self, pattern: str = "*") -> list[str]:
        """Return the names of the keys that match, sorted."""
        return sorted(name.decode() for name in self.ask("KEYS", pattern))

    def amounts(self) -> Counter[str]:
        """Return how many keys there are of each kind."""
        return Counter(kind_of(name).noun for name in self.names())

    def spent(self) -> dict[str, int]:
        """Return how often each command was carried out since this was asked last."""
        lines = self.ask("INFO", "commandstats").decode().splitlines()
        self.ask("CONFIG", "RESETSTAT")
        found = [match.groups() for line in lines if (match := _COMMAND.match(line))]
        return {name: int(count) for name, count in found if name not in _OUR_OWN}

    def reads(self) -> int:
        """Return how often Redis has read from a connection: once for a whole pipeline."""
        found = re.search(rb"total_reads_processed:(\d+)", self.ask("INFO", "stats"))
        assert found is not None
        return int(found[1])


class RedisServer(RedisView):
    """One Redis; a durable one keeps what it had when it is killed and started again.

    It listens at `port` too when that is not 0, also at another one after each start; with
    `tls` it speaks TLS there, and wants a certificate where that has a `client_ca`.
    """

    def __init__(
        self, folder: Path, *, durable: bool = False, port: int = 0, tls: Tls = PLAIN
    ) -> None:
        self.port = port
        self._tls = tls
        super().__init__(f"unix://{folder}/redis.sock")
        self._folder = folder
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *self._program(), "--unixsocket", f"{self._folder}/redis.sock",
                "--bind", "127.0.0.1",
                "--save", "", "--appendonly", "yes" if self._durable else "no",
                "--appendfsync", "no", "--dir", str(self._folder), "--loglevel", "warning",
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(self._answers, _START_S)

    def _program(self) -> list[str]:
        """Return the server and where it listens; the one that comes with fnq speaks no TLS."""
        tls, port = self._tls, str(self.port)
        if not tls.certificate:
            return [find(), "--port", port]
        return [
            "redis-server", "--port", "0", "--tls-port", port,
            "--tls-cert-file", tls.certificate, "--tls-key-file", tls.key,
            "--tls-ca-cert-file", tls.client_ca or tls.ca,
            "--tls-auth-clients", "yes" if tls.client_ca else "no",
        ]  # fmt: skip

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def hang(self) -> None:
        """Have it answer nobody; whoever connects still can."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
        self.close()
        # A killed server leaves its socket where it was.
        (self._folder / "redis.sock").unlink(missing_ok=True)


@contextmanager
def full(server: RedisServer) -> Iterator[None]:
    """Leave it no memory within the block: it refuses whatever needs some."""
    server.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        yield
    finally:
        server.ask("CONFIG", "SET", "maxmemory", 0)


def ownerless(view: RedisView) -> Iterator[str]:
    """Yield the keys that nobody will let go, as the table of `fnq_core.keys` has it.

    What expires has to have its lifetime now, and so has a key of a test's own.
    """
    for name in view.names():
        try:
            expires = kind_of(name).expires
        except LookupError:
            expires = True
        if expires and view.ask("TTL", name) == -1:
            yield name


def wait_until(true: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Return as soon as `true()` is; AssertionError after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < until, f"not within {timeout_s} s: {true}"
        time.sleep(0.005)
