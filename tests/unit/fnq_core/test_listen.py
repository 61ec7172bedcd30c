"""gRPC as services offer it."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fnq.v1 import control_pb2, control_pb2_grpc
from fnq_core.listen import Listener
from fnq_core.rpc import channel
from fnq_wire.protocol import PROTOCOL
from fnq_wire.tls import PLAIN
from fnq_wire.transport import PROTOCOL_HEADER, metadata
from tests.certificates import Authority


class _Control(control_pb2_grpc.ControlServicer):
    async def Status(  # noqa: N802 - the contract's name
        self, request: object, context: object
    ) -> control_pb2.StatusReply:
        return control_pb2.StatusReply(redis_bytes=1)


def _listener(address: str, token: str | None = None) -> Listener:
    def add(server: grpc.aio.Server) -> None:
        control_pb2_grpc.add_ControlServicer_to_server(_Control(), server)

    return Listener(address, ["fnq.v1.Control"], add, token)


async def test_a_service_says_how_it_is(tmp_path: Path) -> None:
    """Also to one without a token: health is no secret."""
    address = f"unix:{tmp_path}/s"
    listener = _listener(address, "secret")
    await listener.start()
    async with channel(address) as link:
        stub = health_pb2_grpc.HealthStub(link)
        for well, status in ((True, "SERVING"), (False, "NOT_SERVING")):
            await listener.set_health(well)
            for name in ("", "fnq.v1.Control"):
                reply = await stub.Check(health_pb2.HealthCheckRequest(service=name))
                assert reply.status == health_pb2.HealthCheckResponse.ServingStatus.Value(status)
    await listener.stop(0)
    await listener.stop(0)


async def test_only_one_with_the_token_is_served(tmp_path: Path) -> None:
    """Streams too; the answer says what to set."""
    address = f"unix:{tmp_path}/s"
    listener = _listener(address, "sécret")
    await listener.start()
    async with channel(address) as link:
        stub = control_pb2_grpc.ControlStub(link)
        for token in (None, "other"):
            with pytest.raises(grpc.aio.AioRpcError, match="set FNQ_TOKEN"):
                await stub.Status(control_pb2.StatusRequest(), metadata=metadata(token))
            with pytest.raises(grpc.aio.AioRpcError, match="set FNQ_TOKEN"):
                async for _ in stub.Logs(control_pb2.LogsRequest(), metadata=metadata(token)):
                    pass
    await listener.stop(0)


async def test_a_question_in_another_version_is_refused(tmp_path: Path) -> None:
    """Streams too, with both versions; who says none, as people's tools do, is served."""
    address = f"unix:{tmp_path}/s"
    listener = _listener(address)
    await listener.start()
    async with channel(address) as link:
        stub = control_pb2_grpc.ControlStub(link)
        for header in (None, (PROTOCOL_HEADER, str(PROTOCOL))):
            reply = await stub.Status(control_pb2.StatusRequest(), metadata=header and (header,))
            assert reply.redis_bytes == 1
        for said, version, older in (("0", 0, "client"), ("9", 9, "server"), ("?", 0, "client")):
            words = (
                f"the client speaks version {version} of the protocol, "
                f"the server version {PROTOCOL}: update fnq where the {older} runs"
            )
            told = ((PROTOCOL_HEADER, said),)
            with pytest.raises(grpc.aio.AioRpcError, match=words) as caught:
                await stub.Status(control_pb2.StatusRequest(), metadata=told)
            assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            with pytest.raises(grpc.aio.AioRpcError, match=words):
                async for _ in stub.Logs(control_pb2.LogsRequest(), metadata=told):
                    pass
    await listener.stop(0)


async def test_an_address_that_is_taken_is_an_error(tmp_path: Path) -> None:
    """At the start, not later."""
    first = _listener("127.0.0.1:0")
    await first.start()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    with pytest.raises(RuntimeError, match="bind"):
        await _listener(f"127.0.0.1:{port}").start()
    await server.stop(None)
    await first.stop(0)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "example.org:80", "10.0.0.1:0"])
async def test_without_a_token_nobody_listens_on_the_network(address: str) -> None:
    """Anybody could run code here."""
    with pytest.raises(RuntimeError, match="there is no token: set FNQ_TOKEN"):
        await _listener(address).start()


async def test_who_listens_on_the_network_without_tls_says_so(tmp_path: Path) -> None:
    """With the remedy; on this machine, and with TLS, there is nothing to say."""
    tls = Authority(tmp_path).issue("server")
    for address, given, expected in (
        ("0.0.0.0:0", PLAIN, ["give --tls-cert and --tls-key"]),
        ("0.0.0.0:0", tls, []),
        ("127.0.0.1:0", PLAIN, []),
    ):
        listener = Listener(address, [], lambda server: None, "secret", tls=given)
        with structlog.testing.capture_logs() as said:
            await listener.start()
        assert [each["remedy"] for each in said] == expected
        await listener.stop(0)
