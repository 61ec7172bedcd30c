"""gRPC as every service offers it: tokens, versions, health, reflection."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_reflection.v1alpha import reflection

from fnq_wire.protocol import PROTOCOL, version_problem
from fnq_wire.tls import PLAIN, Tls
from fnq_wire.transport import ANSWER_S, PROTOCOL_HEADER, options

__all__ = ["Listener"]

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_log = structlog.get_logger()


class _Gate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Refuse calls without the token if one is needed, and those in another version.

    Health checks pass. Who says no version is served: a person with a tool. Streams
    with calls agree on the version in their first frame, where both ends have names.
    """

    def __init__(self, token: str | None) -> None:
        self._expected = f"Bearer {token}".encode() if token else None

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]
        ],
        details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Let the call through, or answer UNAUTHENTICATED or FAILED_PRECONDITION."""
        handler = await continuation(details)
        said = dict(details.invocation_metadata or ())
        token = str(said.get("authorization", "")).encode()
        if details.method.startswith("/grpc.health."):
            return handler
        if self._expected is not None and not hmac.compare_digest(token, self._expected):
            words = "wrong or missing token: set FNQ_TOKEN"
            return _refusal(handler, grpc.StatusCode.UNAUTHENTICATED, words)
        version = str(said.get(PROTOCOL_HEADER, PROTOCOL))
        protocol = int(version) if version.isdecimal() else 0
        problem = version_problem("the server", "the client", protocol)
        if problem is not None and details.method.startswith("/fnq.v1.Control/"):
            return _refusal(handler, grpc.StatusCode.FAILED_PRECONDITION, problem)
        return handler


def _refusal(handler: _Handler | None, code: grpc.StatusCode, words: str) -> _Handler:
    """Return what answers in the place of `handler`."""

    async def refuse(_request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(code, words)

    if handler is not None and (handler.request_streaming or handler.response_streaming):
        return grpc.stream_stream_rpc_method_handler(refuse)
    return grpc.unary_unary_rpc_method_handler(refuse)


class Listener:
    """A gRPC server with health and reflection, before and after it listens.

    `names` are the services that `add` registers. A client that is silent for ASK_S
    has `answer_s` to say that it is there. `stop` before `start`, and twice, is fine.
    """

    def __init__(
        self,
        address: str,
        names: Sequence[str],
        add: Callable[[grpc.aio.Server], None],
        token: str | None,
        answer_s: int = ANSWER_S,
        tls: Tls = PLAIN,
    ) -> None:
        self._address = address
        self._tls = tls
        self._options = options(answer_s)
        self._names = ("", *names)
        self._add = add
        self._token = token
        self._checks = HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises RuntimeError when the address cannot be taken, or may not be.

        Raises TlsError that names a file which cannot be used.
        """
        if self._token is None and not _is_local(self._address):
            raise RuntimeError(
                f"{self._address} can be reached over the network, and there is no token: "
                "set FNQ_TOKEN or --token-file, or listen at 127.0.0.1 or a Unix socket"
            )
        server = grpc.aio.server(interceptors=[_Gate(self._token)], options=self._options)
        self._add(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._checks, server)
        everything = [*self._names[1:], HEALTH, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(everything, server)
        self._open(server)
        await server.start()
        self._server = server
        await self.set_health(True)

    def _open(self, server: grpc.aio.Server) -> None:
        credentials = self._tls.listen(self._address)
        if credentials is not None:
            server.add_secure_port(self._address, credentials)
            return
        if not _is_local(self._address):
            _log.warning(
                "calls and the token cross the network as anybody on it can read them",
                address=self._address,
                remedy="give --tls-cert and --tls-key",
            )
        server.add_insecure_port(self._address)

    async def set_health(self, well: bool) -> None:
        """Say whether the process does its job; existing is not enough."""
        states = health_pb2.HealthCheckResponse
        for name in self._names:
            await self._checks.set(name, states.SERVING if well else states.NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        """Listen no more; streams that are open have `grace_s` seconds to end."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace_s)


def _is_local(address: str) -> bool:
    """Whether only this machine reaches the address."""
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")
