"""Streams to peers whose TLS is not this end's."""

from __future__ import annotations

from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fnq_core.backoff import Backoff
from fnq_core.dialer import Dialer
from fnq_core.listen import Listener
from fnq_wire.error import TlsError
from fnq_wire.finder import SERVER, finder
from fnq_worker.stream import keep_stream
from tests.certificates import Authority
from tests.ports import free_port

#: Tries that are more than it takes to look into the matter.
MANY = 7


@pytest.mark.parametrize("answered", [False, True])
async def test_only_an_agent_that_was_never_answered_ends_for_want_of_tls(
    tmp_path: Path, answered: bool
) -> None:
    """One that was has runs, which others could not go on with; the peer may be mended."""
    address = f"127.0.0.1:{free_port()}"
    tls = Authority(tmp_path).issue("server")
    listener = Listener(address, [], lambda server: None, None, tls=tls)
    await listener.start()
    tries, told = 0, list[BaseException]()

    async def serve(link: grpc.aio.Channel, backoff: Backoff) -> None:
        nonlocal tries
        tries += 1
        if answered and tries == 1:
            backoff.reset()
        await health_pb2_grpc.HealthStub(link).Check(health_pb2.HealthCheckRequest())

    dialer = Dialer(finder(address, SERVER))
    await keep_stream("server", dialer, serve, told.append, lambda: tries == MANY)
    assert (tries == MANY) == answered
    assert [type(each) for each in told] == ([] if answered else [TlsError])
    assert answered or f"no connection to the server at {address}: it speaks TLS" in str(told[0])
    await listener.stop(0)
