"""The one stream of a script to a server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from chalkcompute.config import Config
from chalkcompute.control import CLIENT
from chalkcompute.errors import ProtocolError, QueueFullError
from chalkcompute.inflight import Target
from chalkcompute.session import ServerSession
from fnq.v1 import session_pb2, session_pb2_grpc
from fnq_wire.protocol import PROTOCOL

TARGET = Target("a" * 32, "add", "function", 1, False)


class Full(session_pb2_grpc.SessionsServicer):
    """Has no room for another session."""

    def Open(self, frames: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - of the wire
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Redis is full")
        yield


class Stranger(session_pb2_grpc.SessionsServicer):
    """Grants a session in another version of the protocol."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.opened = 0

    def Open(self, frames: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - of the wire
        self.opened += 1
        yield session_pb2.ServerFrame(
            welcome=session_pb2.Welcome(protocol=self.protocol, session=1, secret=b"s", inbox="i")
        )
        for _ in frames:
            continue


@contextmanager
def connected(server: session_pb2_grpc.SessionsServicer) -> Iterator[ServerSession]:
    """Yield a session with that server."""
    host = grpc.server(ThreadPoolExecutor(4))
    session_pb2_grpc.add_SessionsServicer_to_server(server, host)
    port = host.add_insecure_port("127.0.0.1:0")
    host.start()
    session = ServerSession(Config(addr=f"127.0.0.1:{port}"))
    try:
        yield session
    finally:
        session.close()
        host.stop(0).wait()


@pytest.mark.parametrize(("protocol", "older"), [(0, "fnq-server"), (PROTOCOL + 1, CLIENT)])
def test_a_server_of_another_version_ends_every_call(protocol: int, older: str) -> None:
    """At the first answer, with both versions and the end to update; it is not asked again."""
    server = Stranger(protocol)
    with connected(server) as session, pytest.raises(ProtocolError) as told:
        session.submit(TARGET, b"x")
    assert str(told.value) == (
        f"fnq-server speaks version {protocol} of the protocol, {CLIENT} version {PROTOCOL}: "
        f"update fnq where {older} runs"
    )
    assert server.opened == 1


def test_a_stack_that_is_full_refuses_with_its_words() -> None:
    """Not as a server that cannot be reached."""
    with connected(Full()) as session, pytest.raises(QueueFullError, match="Redis is full"):
        session.submit(TARGET, b"x")
