"""Deployed functions, for who looks after them: versions, rollback, deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from chalkcompute.version import Version
from fnq.v1 import functions_pb2, functions_pb2_grpc

if TYPE_CHECKING:
    import grpc

__all__ = ["Functions", "version_of"]

#: Seconds that an answer may take.
_ANSWER_S = 30.0


class Way(Protocol):
    """The way to a server."""

    namespace: str
    metadata: Any

    def ask(
        self, question: Callable[[Any], Any], *, kind: Callable[[grpc.Channel], Any]
    ) -> Any: ...


class Functions:
    """What is asked and done about the functions of a namespace.

    All raise NotFoundError where there is no such function, and ConnectionLostError.
    """

    def __init__(self, way: Way) -> None:
        self._way = way

    def versions(self, name: str) -> list[Version]:
        """Return the versions of a function, the newest first."""
        return [version_of(each) for each in self._versions(name)]

    def workers(self, name: str) -> int:
        """Return how many workers a function has, those of all its versions."""
        return sum(each.workers for each in self._versions(name))

    def roll_back(self, name: str, which: int | Version) -> Version:
        """Make an earlier version current, by number or as `versions` gave it; return it.

        Raises NotFoundError where it is none that was ever live.
        """
        request = functions_pb2.RollbackRequest(namespace=self._way.namespace, name=name)
        if isinstance(which, Version):
            request.id = which.hash
        else:
            request.number = which
        return version_of(self._ask(lambda stub, **how: stub.Rollback(request, **how)))

    def delete(self, name: str) -> None:
        """Take a function away: calls that wait end with NotFoundError, those that run finish."""
        request = functions_pb2.DeleteFunctionRequest(namespace=self._way.namespace, name=name)
        self._ask(lambda stub, **how: stub.Delete(request, **how))

    def _versions(self, name: str) -> Sequence[functions_pb2.VersionFacts]:
        request = functions_pb2.VersionsRequest(namespace=self._way.namespace, name=name)
        reply: functions_pb2.VersionsReply = self._ask(
            lambda stub, **how: stub.Versions(request, **how)
        )
        return reply.versions

    def _ask(self, question: Callable[..., Any]) -> Any:
        return self._way.ask(
            lambda stub: question(stub, timeout=_ANSWER_S, metadata=self._way.metadata),
            kind=functions_pb2_grpc.FunctionsStub,
        )


def version_of(facts: functions_pb2.VersionFacts) -> Version:
    """Return a version as users see it."""
    created_at = datetime.fromtimestamp(facts.created_ms / 1000, UTC)
    return Version(facts.number, facts.id, created_at, facts.state)
