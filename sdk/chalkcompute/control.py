"""The way from this process to a server: channel, token, and the Control RPC."""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from chalkcompute import progress
from chalkcompute.channel import explained, open_channel
from chalkcompute.deployhearing import DeployHearing
from chalkcompute.errors import (
    AuthError,
    ConnectionLostError,
    DeployError,
    FnqError,
    NotFoundError,
    NotReadyError,
    ProtocolError,
    QueueFullError,
    ResultExpiredError,
)
from chalkcompute.inflight import Target
from chalkcompute.localenv import local_secrets
from chalkcompute.port import Deployed
from fnq.v1 import calls_pb2, calls_pb2_grpc, control_pb2, control_pb2_grpc
from fnq_wire import inquiry
from fnq_wire.finder import SERVER, finder
from fnq_wire.limits import PART
from fnq_wire.transport import metadata
from fnq_wire.version import is_divergent, is_repeatable, is_single

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from chalkcompute.port import Parameters
    from fnq.v1 import spec_pb2
    from fnq_wire.inquiry import Facts

__all__ = [
    "CLIENT",
    "FIRST_PATIENCE_S",
    "FIRST_PAUSE_S",
    "LONGEST_PAUSE_S",
    "PATIENCE_S",
    "Control",
    "translate",
]

#: Who this is, for the other end's errors.
CLIENT = f"the SDK (python {sys.version_info.major}.{sys.version_info.minor})"
#: Seconds that a look-up or a deploy may take.
_ANSWER_S = 30.0
#: Seconds that an answer may take which nobody waits for.
_GLANCE_S = 5.0
#: Seconds after which a server that cannot be reached is given up, at the first try
#: and once it has answered.
FIRST_PATIENCE_S, PATIENCE_S = 1.0, 60.0
#: Seconds between tries: first, and at most.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5
#: What to do about an address.
_CORRECT = "correct FNQ_ADDR (unset: the stack on this machine)"
#: What gRPC says of a server that is not there, or no longer.
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
_T = TypeVar("_T")


class _Patience:
    """How long a server that went away is asked again, from its last sign of life on."""

    def __init__(self, first_s: float, now: float) -> None:
        self._limit = now + first_s
        #: Whether the server has said something since the last try.
        self.heard = False

    def ends(self, now: float) -> bool:
        """Return whether the server is given up, at the end of a try that failed."""
        if self.heard:
            self.heard = False
            self._limit = now + PATIENCE_S
        return now > self._limit


class Control:
    """A channel to the server that the settings name, or to the embedded stack."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.namespace = config.namespace
        self._lock = threading.Lock()
        self._closed = self._answered = False
        self._finder = None if config.addr is None else finder(config.addr, SERVER)
        self._tls, self._name = config.tls, "" if self._finder is None else self._finder.name
        try:
            self.address = self._find("")
            self._channel = self._open()
        except FnqError:
            self._stop_finding()
            raise
        self.metadata = metadata(config.token)

    def _find(self, avoid: str) -> str:
        if self._finder is not None:
            return self._finder.find(avoid)
        from chalkcompute import embedded

        return embedded.ensure(self._config)

    def _open(self) -> grpc.Channel:
        return open_channel(self.address, self._tls, self._name)

    def explained(self, lost: FnqError) -> FnqError:
        """Return `lost`, or why there is no trust between the server and this process."""
        return explained(lost, self.address, self._tls, self._name)

    def reconnect(self) -> None:
        """Find a server again, another one if there is one, and open a new channel to it."""
        try:
            self.address = self._find(self.address)
            fresh = self._open()
        except FnqError:
            return  # The caller's patience decides how long this goes on.
        with self._lock:
            old = fresh if self._closed else self._channel
            if not self._closed:
                self._channel = fresh
        old.close()

    def close(self) -> None:
        """Close the channel, for good: what is asked, now or later, is a ConnectionLostError."""
        with self._lock:
            self._closed = True
        self._channel.close()
        self._stop_finding()

    def stub(self, kind: Callable[[grpc.Channel], _T]) -> _T:
        """Return a stub of the channel; ConnectionLostError when that is closed for good."""
        # Never of a channel that is closed: gRPC crashes, and the process with it.
        with self._lock:
            if self._closed:
                raise ConnectionLostError(f"the session with {self.address} was closed meanwhile")
            return kind(self._channel)

    def _stop_finding(self) -> None:
        if self._finder is not None:
            self._finder.close()

    def lookup(self, name: str, number: int | None) -> tuple[Target, Parameters]:
        """Return a deployed version and its parameters."""
        request = control_pb2.LookupRequest(
            namespace=self._config.namespace, name=name, number=number or 0
        )
        found = self.ask(
            lambda stub: stub.Lookup(request, timeout=_ANSWER_S, metadata=self.metadata)
        )
        return _target(found), [
            (each.name, each.kind, each.required) for each in found.spec.parameters
        ]

    def wait_ready(self, target: Target, timeout: float | None) -> None:
        """Return when a worker has imported the function; say on stderr what is waited for."""
        request = control_pb2.WaitReadyRequest(
            namespace=self._config.namespace, version=target.version
        )
        limit = None if timeout is None else time.monotonic() + timeout
        last = control_pb2.Readiness()
        patience = self._patience()

        def watch(stub: control_pb2_grpc.ControlStub) -> Any:
            nonlocal last
            left = None if limit is None else max(0.0, limit - time.monotonic())
            try:
                for now in stub.WaitReady(request, timeout=left, metadata=self.metadata):
                    patience.heard = True
                    if now.state != "waiting":
                        return now
                    told.hear(target.name, now.reason)
                    last = now
            except grpc.RpcError as problem:
                if problem.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    raise
                cause = last.reason or "the server does not answer"
                text = f"{target.name} was not ready within {timeout:.3g} s: {cause}"
                raise _not_ready(target, text, last) from None
            return None

        with progress.of_wait(target.name) as told:
            now: control_pb2.Readiness = self.ask(watch, patience=patience)
            if now.state == "failed":
                raise _not_ready(target, f"{target.name} cannot run: {now.reason}", now)

    def deploy(
        self,
        specs: Sequence[spec_pb2.FunctionSpec],
        bundles: Mapping[str, bytes],
        timeout: float | None = None,
    ) -> Deployed:
        """Deploy a set; bundles are sent only where the server lacks them.

        What its secrets take from this process' environment goes along. Raises as
        `port.Session.deploy`.
        """
        request = control_pb2.DeployRequest(
            namespace=self._config.namespace,
            specs=specs,
            strict=self._config.local_strict,
            local_secrets=local_secrets(specs),
        )
        patience = self._patience()
        hearing = DeployHearing([spec.name for spec in specs], timeout)

        def send(stub: control_pb2_grpc.ControlStub) -> Any:
            while True:
                events = stub.Deploy(request, timeout=hearing.left_s, metadata=self.metadata)
                reply = hearing.hear(events, patience, told)
                if reply is None or not reply.missing_bundles:
                    return reply
                for digest in reply.missing_bundles:
                    self._put(stub, bundles[digest])

        with progress.of_deploy(spec.name for spec in specs) as told:
            reply: control_pb2.DeployReply = self.ask(send, DeployError, patience)
        return Deployed(
            [(version.id, version.number) for version in reply.versions],
            frozenset(reply.active),
            frozenset(reply.missing_limits),
            tuple(reply.warnings),
        )

    def show(self, call: bytes) -> Facts:
        """Return what is known of a call. Raises NotFoundError, ResultExpiredError."""
        request = inquiry.show_request(self._config.namespace, call)
        return inquiry.facts(
            self.ask(
                lambda stub: stub.Show(request, timeout=_ANSWER_S, metadata=self.metadata),
                kind=calls_pb2_grpc.CallsStub,
            )
        )

    def glance(self, call: bytes) -> calls_pb2.CallFacts | None:
        """Return what a server knows of a call at this moment; None where none says."""
        request = inquiry.show_request(self._config.namespace, call)
        try:
            stub = self.stub(calls_pb2_grpc.CallsStub)
            found: calls_pb2.CallFacts = stub.Show(
                request, timeout=_GLANCE_S, metadata=self.metadata
            )
        except (grpc.RpcError, FnqError, ValueError):
            return None
        return found

    def stop(self, call: bytes) -> bool:
        """Cancel a call; return whether it had not ended. Raises as `show`."""
        request = inquiry.cancel_request(self._config.namespace, call)
        reply: calls_pb2.CancelCallReply = self.ask(
            lambda stub: stub.Cancel(request, timeout=_ANSWER_S, metadata=self.metadata),
            kind=calls_pb2_grpc.CallsStub,
        )
        return reply.cancelled

    def lines(self, call: bytes) -> list[str]:
        """Return what a call printed, line by line."""
        request = inquiry.logs_request(self._config.namespace, call)
        found: list[str] = self.ask(
            lambda stub: [
                each.text for each in stub.Logs(request, timeout=_ANSWER_S, metadata=self.metadata)
            ]
        )
        return found

    def _patience(self) -> _Patience:
        return _Patience(PATIENCE_S if self._answered else FIRST_PATIENCE_S, time.monotonic())

    def ask(
        self,
        question: Callable[[Any], Any],
        otherwise: type[FnqError] = ConnectionLostError,
        patience: _Patience | None = None,
        kind: Callable[[grpc.Channel], Any] = control_pb2_grpc.ControlStub,
    ) -> Any:
        """Return the answer to what may be asked twice: a server that goes away comes back.

        None is the answer of a server that broke off.
        """
        pause = FIRST_PAUSE_S
        patience = patience or self._patience()
        while True:
            try:
                answer = question(self.stub(kind))
                if answer is not None:
                    self._answered = True
                    return answer
                lost: FnqError = _away(self.address, "it broke off its answer")
            except grpc.RpcError as problem:
                lost = translate(problem, self.address, otherwise)
                if problem.code() not in _AWAY:
                    raise lost from None
            except ValueError:
                # The channel was closed under way: there is a new one, or nobody wants any.
                lost = _away(self.address, "the channel to it was closed")
            if patience.ends(time.monotonic()):
                raise self.explained(lost)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _put(self, stub: control_pb2_grpc.ControlStub, data: bytes) -> None:
        digest = hashlib.sha256(data).hexdigest()
        parts = (
            control_pb2.BundlePart(hash=digest, data=data[start : start + PART])
            for start in range(0, max(len(data), 1), PART)
        )
        stub.PutBundle(parts, timeout=_ANSWER_S, metadata=self.metadata)


def translate(
    problem: grpc.RpcError, address: str, otherwise: type[FnqError] = ConnectionLostError
) -> FnqError:
    """Return our error for one of gRPC's."""
    code, details = problem.code(), problem.details() or ""
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return AuthError(f"the server at {address} refused: {details}")
    if code is grpc.StatusCode.NOT_FOUND:
        return NotFoundError(details)
    if code is grpc.StatusCode.OUT_OF_RANGE:
        return ResultExpiredError(details)
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        return ProtocolError(details)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and otherwise is ConnectionLostError:
        return QueueFullError(f"the server at {address} refused: {details}")
    if code in _AWAY:
        return _away(address, details)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return otherwise(
            f"what answers at {address} is no server of fnq, or one of another version: "
            f"{details}; {_CORRECT}"
        )
    return otherwise(f"the server at {address} answered {code.name}: {details}")


def _away(address: str, why: str) -> ConnectionLostError:
    return ConnectionLostError(f"no server answers at {address}: {why}; start one, or {_CORRECT}")


def _target(found: control_pb2.FunctionVersion) -> Target:
    spec = found.spec
    repeatable = is_repeatable(spec)
    target = Target(found.id, spec.name, spec.kind, found.number, repeatable, found.set)
    target.divergent = is_divergent(spec)
    target.batch = spec.batching.max_size
    target.single = is_single(spec)
    target.types = tuple(each.type for each in spec.parameters)
    target.returns = spec.returns
    return target


def _not_ready(target: Target, text: str, now: control_pb2.Readiness) -> NotReadyError:
    error = NotReadyError(text, function=target.name)
    if now.traceback:
        error.add_note(now.traceback)
    return error
