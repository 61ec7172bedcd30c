"""The way from this process to a server: channel, token, and the Control RPC."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import grpc

from chalkcompute.errors import (
    AuthError,
    ConnectionLostError,
    DeployError,
    FnqError,
    NotFoundError,
    NotReadyError,
    ProtocolError,
)
from chalkcompute.inflight import Target
from fnq.v1 import control_pb2, control_pb2_grpc

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from chalkcompute.port import Parameters
    from fnq.v1 import spec_pb2

__all__ = ["CLIENT", "Control", "translate"]

#: Who this is, for the other end's errors.
CLIENT = f"the SDK (python {sys.version_info.major}.{sys.version_info.minor})"
#: Bytes of one gRPC message, and of one part of a bundle.
_MAX_FRAME, _PART = 64 << 20, 1 << 20
#: Seconds that a look-up or a deploy may take.
_ANSWER_S = 30.0

_OPTIONS = [
    ("grpc.max_receive_message_length", _MAX_FRAME),
    ("grpc.max_send_message_length", _MAX_FRAME),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
]


class Control:
    """A channel to the server that the settings name, or to the embedded stack."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self.address = self._find()
        self.channel = grpc.insecure_channel(self.address, options=_OPTIONS)
        token = config.token
        self.metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def _find(self) -> str:
        if self._config.addr is not None:
            return self._config.addr
        from chalkcompute import embedded

        return embedded.ensure(self._config)

    def reconnect(self) -> None:
        """Find the server again and open a new channel: the old one may be for a dead one."""
        try:
            self.address = self._find()
        except FnqError:
            return  # The caller's patience decides how long this goes on.
        with self._lock:
            old, self.channel = (
                self.channel,
                grpc.insecure_channel(self.address, options=_OPTIONS),
            )
        old.close()

    def close(self) -> None:
        """Close the channel."""
        self.channel.close()

    def lookup(self, name: str, number: int | None) -> tuple[Target, Parameters]:
        """Return a deployed version and its parameters."""
        request = control_pb2.LookupRequest(
            namespace=self._config.namespace, name=name, number=number or 0
        )
        try:
            found = self._stub().Lookup(request, timeout=_ANSWER_S, metadata=self.metadata)
        except grpc.RpcError as problem:
            raise translate(problem, self.address) from None
        return _target(found), [
            (each.name, each.kind, each.required) for each in found.spec.parameters
        ]

    def wait_ready(self, target: Target, timeout: float | None) -> None:
        """Return when a worker has imported the function; say on stderr what is waited for."""
        request = control_pb2.WaitReadyRequest(
            namespace=self._config.namespace, version=target.version
        )
        reason = "no worker has started yet"
        try:
            for now in self._stub().WaitReady(request, timeout=timeout, metadata=self.metadata):
                if now.state == "ready":
                    return
                if now.state == "failed":
                    raise _not_ready(target, now)
                reason = now.reason
                sys.stderr.write(f"[fnq] {target.name}: {reason}\n")
        except grpc.RpcError as problem:
            if problem.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise NotReadyError(
                    f"{target.name} was not ready within {timeout} s: {reason}",
                    function=target.name,
                ) from None
            raise translate(problem, self.address) from None
        raise ConnectionLostError(f"the server at {self.address} went away", function=target.name)

    def deploy(
        self, specs: Sequence[spec_pb2.FunctionSpec], bundles: Mapping[str, bytes]
    ) -> list[tuple[str, int]]:
        """Deploy a set; bundles are sent only where the server lacks them."""
        request = control_pb2.DeployRequest(namespace=self._config.namespace, specs=specs)
        try:
            reply = self._stub().Deploy(request, timeout=_ANSWER_S, metadata=self.metadata)
            if reply.missing_bundles:
                for digest in reply.missing_bundles:
                    self._put(bundles[digest])
                reply = self._stub().Deploy(request, timeout=_ANSWER_S, metadata=self.metadata)
        except grpc.RpcError as problem:
            raise translate(problem, self.address, DeployError) from None
        return [(version.id, version.number) for version in reply.versions]

    def _put(self, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        parts = (
            control_pb2.BundlePart(hash=digest, data=data[start : start + _PART])
            for start in range(0, max(len(data), 1), _PART)
        )
        self._stub().PutBundle(parts, timeout=_ANSWER_S, metadata=self.metadata)

    def _stub(self) -> control_pb2_grpc.ControlStub:
        return control_pb2_grpc.ControlStub(self.channel)


def translate(
    problem: grpc.RpcError, address: str, otherwise: type[FnqError] = ConnectionLostError
) -> FnqError:
    """Return our error for one of gRPC's."""
    code, details = problem.code(), problem.details() or ""
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return AuthError(f"the server at {address} refused: {details}")
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(details)
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        return ProtocolError(details)
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return ConnectionLostError(
            f"no server answers at {address}: {details}; "
            "start one, or correct FNQ_ADDR (unset: the stack on this machine)"
        )
    return otherwise(f"the server at {address} answered {code.name}: {details}")


def _target(found: control_pb2.FunctionVersion) -> Target:
    spec = found.spec
    return Target(found.id, spec.name, spec.kind, found.number, spec.retry.attempts > 0)


def _not_ready(target: Target, now: control_pb2.Readiness) -> NotReadyError:
    error = NotReadyError(f"{target.name} cannot run: {now.reason}", function=target.name)
    if now.traceback:
        error.add_note(now.traceback)
    return error
