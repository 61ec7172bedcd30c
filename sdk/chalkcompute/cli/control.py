"""The Control RPCs as commands use them; gRPC's errors end here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from chalkcompute.errors import (
    AuthError,
    ConnectionLostError,
    FnqError,
    NotFoundError,
    NotReadyError,
    ProtocolError,
)

if TYPE_CHECKING:
    import grpc

    from chalkcompute.config import Config

__all__ = ["Control"]


class Control:
    """One server, asked now and then. Needs `close`; use it in a `with` statement."""

    def __init__(self, config: Config, address: str) -> None:
        import grpc

        from fnq.v1 import control_pb2_grpc

        if address.startswith("consul://"):
            raise ValueError(
                f"{address}: this release does not ask Consul for servers; "
                "set FNQ_ADDR to the host:port of one"
            )
        self._config = config
        self._address = address
        self._channel = grpc.insecure_channel(address)
        self._stub: Any = control_pb2_grpc.ControlStub(self._channel)
        self._metadata = (
            (("authorization", f"Bearer {config.token}"),) if config.token is not None else ()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def status(self, timeout_s: float) -> Any:
        """Return the StatusReply of the server.

        Raises ConnectionLostError, AuthError or NotReadyError after `timeout_s` seconds.
        """
        from fnq.v1 import control_pb2

        request = control_pb2.StatusRequest(namespace=self._config.namespace)
        with self._translated():
            return self._stub.Status(request, timeout=timeout_s, metadata=self._metadata)

    def logs(self, *, function: str, call: str, tail: int, follow: bool) -> Iterator[Any]:
        """Yield LogLine messages, oldest first; endless with `follow`."""
        from fnq.v1 import control_pb2

        request = control_pb2.LogsRequest(
            namespace=self._config.namespace,
            function=function,
            call=call,
            tail=tail,
            follow=follow,
        )
        with self._translated():
            yield from self._stub.Logs(request, metadata=self._metadata)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import grpc

        try:
            yield
        except grpc.RpcError as problem:
            raise self._error(problem) from problem

    def _error(self, problem: grpc.RpcError) -> FnqError:
        """Return what an RPC ended with as an error of ours: the only table of them here."""
        import grpc

        code, said = problem.code(), problem.details() or ""
        origin = self._config.origin("addr")
        table: dict[grpc.StatusCode, Callable[[], FnqError]] = {
            grpc.StatusCode.UNAVAILABLE: lambda: ConnectionLostError(
                f"no server answers at {self._address} ({origin}): {said}"
            ),
            grpc.StatusCode.DEADLINE_EXCEEDED: lambda: NotReadyError(
                f"the server at {self._address} did not answer in time"
            ),
            grpc.StatusCode.UNAUTHENTICATED: lambda: AuthError(f"{self._address}: {said}"),
            grpc.StatusCode.PERMISSION_DENIED: lambda: AuthError(f"{self._address}: {said}"),
            grpc.StatusCode.NOT_FOUND: lambda: NotFoundError(said),
            grpc.StatusCode.UNIMPLEMENTED: lambda: ProtocolError(
                f"the server at {self._address} is of another release, which lacks this: {said}"
            ),
        }
        make = table.get(code)
        return (
            make()
            if make
            else FnqError(f"the server at {self._address} failed: {code.name}: {said}")
        )
