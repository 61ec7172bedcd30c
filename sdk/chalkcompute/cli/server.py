"""What commands ask of a server: status and logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import grpc

from chalkcompute.control import translate
from chalkcompute.errors import FnqError, NotReadyError
from fnq.v1 import control_pb2, control_pb2_grpc
from fnq_wire.finder import SERVER, finder
from fnq_wire.transport import OPTIONS, metadata

if TYPE_CHECKING:
    from chalkcompute.config import Config

__all__ = ["Server"]


class Server:
    """A server, asked now and then. Needs `close`; use it in a `with` statement.

    Raises DiscoveryError where Consul is to say which one, and does not.
    """

    def __init__(self, config: Config, address: str) -> None:
        self._namespace = config.namespace
        self._metadata = metadata(config.token)
        self._finder = finder(address, SERVER)
        try:
            self._address = self._finder.find()
        except FnqError:
            self._finder.close()
            raise
        self._channel = grpc.insecure_channel(self._address, options=OPTIONS)
        self._stub = control_pb2_grpc.ControlStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.close()
        self._finder.close()

    def status(self, timeout_s: float) -> control_pb2.StatusReply:
        """Return what the server says of its stack.

        Raises ConnectionLostError, AuthError, or NotReadyError after `timeout_s` seconds.
        """
        request = control_pb2.StatusRequest(namespace=self._namespace)
        with self._translated():
            reply: control_pb2.StatusReply = self._stub.Status(
                request, timeout=timeout_s, metadata=self._metadata
            )
            return reply

    def logs(
        self, *, function: str, call: str, tail: int, follow: bool
    ) -> Iterator[control_pb2.LogLine]:
        """Yield lines, oldest first; endless with `follow`.

        Raises ConnectionLostError when the server goes away, and AuthError.
        """
        request = control_pb2.LogsRequest(
            namespace=self._namespace, function=function, call=call, tail=tail, follow=follow
        )
        with self._translated():
            yield from self._stub.Logs(request, metadata=self._metadata)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as problem:
            if problem.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise NotReadyError(
                    f"the server at {self._address} did not answer in time"
                ) from problem
            raise translate(problem, self._address) from problem
