"""gRPC as every service offers it: tokens, health, reflection."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_reflection.v1alpha import reflection

from fnq_wire.transport import OPTIONS

__all__ = ["Listener"]

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _TokenGate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Refuse calls without the token; health checks pass."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

        async def refuse(_request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
            await context.abort(
                grpc.StatusCode.UNAUTHENTICATED, "wrong or missing token: set FNQ_TOKEN"
            )

        self._refuse = grpc.unary_unary_rpc_method_handler(refuse)
        self._refuse_stream = grpc.stream_stream_rpc_method_handler(refuse)

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]
        ],
        details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Let the call through, or answer UNAUTHENTICATED."""
        handler = await continuation(details)
        given = dict(details.invocation_metadata or ()).get("authorization", "")
        if hmac.compare_digest(str(given).encode(), self._expected):
            return handler
        if details.method.startswith("/grpc.health."):
            return handler
        streams = handler is not None and (handler.request_streaming or handler.response_streaming)
        return self._refuse_stream if streams else self._refuse


class Listener:
    """A gRPC server with health and reflection, before and after it listens.

    `names` are the services that `add` registers. `stop` before `start`, and
    twice, is fine.
    """

    def __init__(
        self,
        address: str,
        names: Sequence[str],
        add: Callable[[grpc.aio.Server], None],
        token: str | None,
    ) -> None:
        self._address = address
        self._names = ("", *names)
        self._add = add
        self._token = token
        self._checks = HealthServicer()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises RuntimeError when the address cannot be taken, or may not be."""
        if self._token is None and not _is_local(self._address):
            raise RuntimeError(
                f"{self._address} can be reached over the network, and there is no token: "
                "set FNQ_TOKEN or --token-file, or listen at 127.0.0.1 or a Unix socket"
            )
        gates = [_TokenGate(self._token)] if self._token else []
        server = grpc.aio.server(interceptors=gates, options=OPTIONS)
        self._add(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._checks, server)
        everything = [*self._names[1:], HEALTH, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(everything, server)
        server.add_insecure_port(self._address)
        await server.start()
        self._server = server
        await self.set_health(True)

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
