"""What commands ask of a server: status, calls, queues, limits, secrets and logs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc

from chalkcompute.channel import explained, open_channel
from chalkcompute.control import translate
from chalkcompute.errors import FnqError, NotReadyError, StackError
from fnq.v1 import (
    calls_pb2,
    calls_pb2_grpc,
    control_pb2,
    control_pb2_grpc,
    functions_pb2,
    functions_pb2_grpc,
    limits_pb2,
    limits_pb2_grpc,
    plans_pb2,
    plans_pb2_grpc,
    scaling_pb2,
    scaling_pb2_grpc,
    secrets_pb2,
    secrets_pb2_grpc,
)
from fnq_wire.finder import SERVER, finder
from fnq_wire.transport import metadata

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from fnq.v1 import spec_pb2
    from fnq_wire.policy import Policy

__all__ = ["Server"]

#: Seconds that an answer may take.
_ANSWER_S = 30.0
#: Seconds in which a server says that it is there, where there is another one to ask.
_REACH_S = 1.0
#: What whoever waits for a call that is cancelled is told.
_CANCELLED = "it was cancelled by `fnq calls cancel`"
_T = TypeVar("_T")


class Server:
    """A server, asked now and then. Needs `close`; use it in a `with` statement.

    Raises DiscoveryError where Consul is to say which one, and does not.
    """

    def __init__(self, config: Config, address: str) -> None:
        self._namespace = config.namespace
        self._metadata = metadata(config.token)
        self._tls = config.tls
        self._finder = finder(address, SERVER)
        try:
            self._channel = self._reach()
        except FnqError:
            self._finder.close()
            raise
        self._stub = control_pb2_grpc.ControlStub(self._channel)
        self._calls = calls_pb2_grpc.CallsStub(self._channel)
        self._limits = limits_pb2_grpc.LimitsStub(self._channel)
        self._functions = functions_pb2_grpc.FunctionsStub(self._channel)
        self._scaling = scaling_pb2_grpc.ScalingStub(self._channel)
        self._plans = plans_pb2_grpc.PlansStub(self._channel)
        self._secrets = secrets_pb2_grpc.SecretsStub(self._channel)

    def _reach(self) -> grpc.Channel:
        """Return a channel to an instance, and to another one where that one is away.

        Consul lists a server for some seconds after its death.
        """
        self._address = self._finder.find()
        channel = self._open()
        other = self._finder.find(self._address)
        if other != self._address:
            try:
                grpc.channel_ready_future(channel).result(_REACH_S)
            except grpc.FutureTimeoutError:
                channel.close()
                self._address = other
                return self._open()
        return channel

    def _open(self) -> grpc.Channel:
        return open_channel(self._address, self._tls, self._finder.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._channel.close()
        self._finder.close()

    @property
    def namespace(self) -> str:
        """The namespace that is asked about."""
        return self._namespace

    @property
    def metadata(self) -> Any:
        """What goes with each question."""
        return self._metadata

    def stub(self, kind: Callable[[grpc.Channel], _T]) -> _T:
        """Return a stub for questions of another kind; ask within `translated`."""
        return kind(self._channel)

    def status(self, timeout_s: float) -> control_pb2.StatusReply:
        """Return what the server says of its stack.

        Raises ConnectionLostError, AuthError, or NotReadyError after `timeout_s` seconds.
        """
        request = control_pb2.StatusRequest(namespace=self._namespace)
        with self.translated():
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
        with self.translated():
            yield from self._stub.Logs(request, metadata=self._metadata)

    def calls(self, function: str, state: str, limit: int) -> calls_pb2.ListCallsReply:
        """Return calls in flight; of all functions, and in any state, where these are empty.

        Raises NotFoundError, ConnectionLostError, AuthError and NotReadyError, as do the
        following.
        """
        request = calls_pb2.ListCallsRequest(
            namespace=self._namespace, function=function, state=state, limit=limit
        )
        found: calls_pb2.ListCallsReply = self.ask(self._calls.List, request)
        return found

    def call(self, call: bytes) -> calls_pb2.CallFacts:
        """Return what is known of a call in flight, with what holds it, or of one that is kept."""
        request = calls_pb2.ShowCallRequest(namespace=self._namespace, call=call)
        found: calls_pb2.CallFacts = self.ask(self._calls.Show, request)
        return found

    def cancel(self, call: bytes) -> bool:
        """End a call for whoever waits for it, and stop its run; False where it had ended."""
        request = calls_pb2.CancelCallRequest(
            namespace=self._namespace, call=call, reason=_CANCELLED
        )
        reply: calls_pb2.CancelCallReply = self.ask(self._calls.Cancel, request)
        return reply.cancelled

    def queues(self, function: str) -> Sequence[calls_pb2.QueueFacts]:
        """Return what waits and runs, by version."""
        request = calls_pb2.QueuesRequest(namespace=self._namespace, function=function)
        reply: calls_pb2.QueuesReply = self.ask(self._calls.Queues, request)
        return reply.queues

    def purge(self, function: str) -> int:
        """End the calls of a function that wait for a worker; return how many."""
        request = calls_pb2.PurgeRequest(namespace=self._namespace, function=function)
        reply: calls_pb2.PurgeReply = self.ask(self._calls.Purge, request)
        return reply.purged

    def set_limit(self, limit: str, policy: Policy) -> None:
        """Set the policy of a limit. Raises ValueError where the server refuses it."""
        request = limits_pb2.SetLimitRequest(namespace=self._namespace, limit=limit)
        request.policy.max_concurrency = policy.max_concurrency
        request.policy.rate, request.policy.per_s = policy.rate, policy.per_s
        request.policy.burst = policy.burst
        self.ask(self._limits.Set, request)

    def limits(self, limit: str) -> Sequence[limits_pb2.LimitState]:
        """Return a limit with the calls that wait for it, or all that have a policy."""
        request = limits_pb2.ListLimitsRequest(namespace=self._namespace, limit=limit)
        reply: limits_pb2.ListLimitsReply = self.ask(self._limits.List, request)
        return reply.limits

    def delete_limit(self, limit: str) -> None:
        """Delete the policy of a limit."""
        request = limits_pb2.DeleteLimitRequest(namespace=self._namespace, limit=limit)
        self.ask(self._limits.Delete, request)

    def plan(self, specs: Sequence[spec_pb2.FunctionSpec]) -> Sequence[plans_pb2.PlannedVersion]:
        """Return what a deploy of each of these would change."""
        request = plans_pb2.PlanRequest(namespace=self._namespace, specs=specs)
        reply: plans_pb2.PlanReply = self.ask(self._plans.Plan, request)
        return reply.versions

    def functions(self) -> Sequence[functions_pb2.FunctionFacts]:
        """Return all functions, by name."""
        request = functions_pb2.ListFunctionsRequest(namespace=self._namespace)
        reply: functions_pb2.ListFunctionsReply = self.ask(self._functions.List, request)
        return reply.functions

    def versions(self, function: str) -> Sequence[functions_pb2.VersionFacts]:
        """Return the versions of a function, the newest first; one at least."""
        request = functions_pb2.VersionsRequest(namespace=self._namespace, name=function)
        reply: functions_pb2.VersionsReply = self.ask(self._functions.Versions, request)
        return reply.versions

    def roll_back(self, function: str, number: int) -> functions_pb2.VersionFacts:
        """Make an earlier version current; return it."""
        request = functions_pb2.RollbackRequest(
            namespace=self._namespace, name=function, number=number
        )
        found: functions_pb2.VersionFacts = self.ask(self._functions.Rollback, request)
        return found

    def delete_function(self, function: str) -> functions_pb2.DeleteFunctionReply:
        """Take a function away with all its versions; return how much went."""
        request = functions_pb2.DeleteFunctionRequest(namespace=self._namespace, name=function)
        done: functions_pb2.DeleteFunctionReply = self.ask(self._functions.Delete, request)
        return done

    def set_secret(self, source: str, name: str, values: Mapping[str, bytes]) -> None:
        """Set a secret or an integration ("env", "integration").

        Raises ValueError where the server refuses it, and StackError where there is no place
        for it, as do the following.
        """
        request = secrets_pb2.SetSecretRequest(
            namespace=self._namespace, source=source, name=name, values=values
        )
        self.ask(self._secrets.Set, request)

    def secrets(self, source: str, name: str = "") -> Sequence[secrets_pb2.SecretFacts]:
        """Return what is set of a source, without values; or the one of a name."""
        request = secrets_pb2.ListSecretsRequest(
            namespace=self._namespace, source=source, name=name
        )
        reply: secrets_pb2.ListSecretsReply = self.ask(self._secrets.List, request)
        return reply.secrets

    def delete_secret(self, source: str, name: str) -> None:
        """Delete a secret or an integration."""
        request = secrets_pb2.DeleteSecretRequest(
            namespace=self._namespace, source=source, name=name
        )
        self.ask(self._secrets.Delete, request)

    def scaling(self, function: str) -> scaling_pb2.ScalingState:
        """Return how many workers a function has, and may have."""
        request = scaling_pb2.ShowScalingRequest(namespace=self._namespace, function=function)
        found: scaling_pb2.ScalingState = self.ask(self._scaling.Show, request)
        return found

    def scale(
        self, function: str, least: int | None, most: int | None, *, reset: bool
    ) -> scaling_pb2.ScalingState:
        """Set how many workers a function may have. Raises ValueError where that is refused.

        What is None stays as it was set before, unless all that is forgotten first.
        """
        request = scaling_pb2.SetScalingRequest(
            namespace=self._namespace,
            function=function,
            min_replicas=least,
            max_replicas=most,
            reset=reset,
        )
        found: scaling_pb2.ScalingState = self.ask(self._scaling.Set, request)
        return found

    def ask(self, method: Any, request: Any, timeout_s: float | None = None) -> Any:
        """Return the answer of a method of a stub. Raises our errors for those of gRPC.

        NotReadyError after `timeout_s` seconds; None: as for every question.
        """
        with self.translated():
            return method(request, timeout=timeout_s or _ANSWER_S, metadata=self._metadata)

    def begun(self, call: Any) -> Any:
        """Return a call of a stub once its answer has begun; the rest takes as long as it takes.

        NotReadyError where that is too late. Ask within `translated`.
        """
        late = threading.Event()

        def give_up() -> None:
            late.set()
            call.cancel()

        timer = threading.Timer(_ANSWER_S, give_up)
        timer.daemon = True
        timer.start()
        try:
            call.initial_metadata()
        finally:
            timer.cancel()
        if late.is_set():
            raise NotReadyError(f"the server at {self._address} did not answer in time")
        return call

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise our errors for those of gRPC."""
        try:
            yield
        except grpc.RpcError as problem:
            if problem.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise NotReadyError(
                    f"the server at {self._address} did not answer in time"
                ) from problem
            if problem.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise ValueError(problem.details()) from problem
            if problem.code() is grpc.StatusCode.ABORTED:
                raise StackError(problem.details() or "") from problem
            lost = translate(problem, self._address)
            raise explained(lost, self._address, self._tls, self._finder.name) from problem
