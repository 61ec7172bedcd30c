"""gRPC as every service offers it: tokens, health, reflection."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_reflection.v1alpha import reflection

from fnq_core.rpc import OPTIONS

__all__ = ["serve"]

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class _TokenGate(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """Refuse calls without the token; health checks pass."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}"

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
        if hmac.compare_digest(str(given), self._expected):
            return handler
        if details.method.startswith("/grpc.health."):
            return handler
        streams = handler is not None and (handler.request_streaming or handler.response_streaming)
        return self._refuse_stream if streams else self._refuse


async def serve(
    address: str, names: list[str], add: Callable[[grpc.aio.Server], None], token: str | None
) -> tuple[grpc.aio.Server, HealthServicer]:
    """Start a gRPC server at `address` with health and reflection.

    `add` registers the services called `names`. Raises RuntimeError when the
    address cannot be taken.
    """
    gates = [_TokenGate(token)] if token else []
    server = grpc.aio.server(interceptors=gates, options=OPTIONS)
    add(server)
    checks = HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    everything = [*names, HEALTH, reflection.SERVICE_NAME]
    reflection.enable_server_reflection(everything, server)
    server.add_insecure_port(address)
    await server.start()
    for name in ("", *names):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    return server, checks
