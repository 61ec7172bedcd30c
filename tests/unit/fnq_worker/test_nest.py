"""The agent's session for nested calls."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc.aio

from fnq.v1 import session_pb2, session_pb2_grpc
from fnq_core.blobs import Blobs
from fnq_core.connection import connect
from fnq_wire.protocol import PROTOCOL
from fnq_worker.nest import Nest
from tests.loop import eventually


class Stranger(session_pb2_grpc.SessionsServicer):
    """Grants a session in another version of the protocol."""

    async def Open(self, _: Any, context: Any) -> None:  # noqa: N802 - the contract's name
        await context.read()
        welcome = session_pb2.Welcome(protocol=PROTOCOL + 1, session=1, secret=b"s", inbox="i")
        await context.write(session_pb2.ServerFrame(welcome=welcome))
        await context.read()


async def test_a_server_of_another_version_is_fatal(tmp_path: Path) -> None:
    """Trying again would not help; the text names both versions and what to update."""
    server = grpc.aio.server()
    session_pb2_grpc.add_SessionsServicer_to_server(Stranger(), server)
    address = f"unix:{tmp_path}/s.sock"
    server.add_insecure_port(address)
    await server.start()
    fatal: list[str] = []
    redis = connect(f"unix://{tmp_path}/none.sock")
    nest = Nest(
        address,
        "default",
        None,
        Blobs(redis),
        lambda _: None,
        lambda problem: fatal.append(str(problem)),
    )
    keeping = asyncio.create_task(nest.keep_forever())
    try:
        await eventually(lambda: fatal)
        assert fatal[0] == (
            f"fnq-server speaks version {PROTOCOL + 1} of the protocol, fnq-worker version "
            f"{PROTOCOL}: update fnq where fnq-worker runs"
        )
        assert not nest.session.granted
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await server.stop(None)
        await redis.aclose()
