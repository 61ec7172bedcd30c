"""Deployed functions, for who looks after them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

import chalkcompute
from chalkcompute import NotFoundError, RemoteFunction, Version, runtime
from chalkcompute.config import Config
from chalkcompute.control import Control
from chalkcompute.functions import Functions
from fnq.v1 import functions_pb2, functions_pb2_grpc
from tests.unit.chalkcompute.memory import MemorySession


class Office(functions_pb2_grpc.FunctionsServicer):
    """Has a function with two versions; writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def Versions(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        if request.name != "f":
            context.abort(grpc.StatusCode.NOT_FOUND, f"no function {request.name!r}")
        reply = functions_pb2.VersionsReply()
        reply.versions.add(id="b", number=2, created_ms=2_500, state="current")
        reply.versions.add(id="a", number=1, created_ms=1_000, state="retired")
        return reply

    def Rollback(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return functions_pb2.VersionFacts(id="a", number=1, state="current")

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return functions_pb2.DeleteFunctionReply()


@contextmanager
def asking(office: Office) -> Iterator[Functions]:
    """Give what asks that server."""
    host = grpc.server(ThreadPoolExecutor(2))
    functions_pb2_grpc.add_FunctionsServicer_to_server(office, host)
    port = host.add_insecure_port("127.0.0.1:0")
    host.start()
    control = Control(Config(addr=f"127.0.0.1:{port}", namespace="n"))
    try:
        yield Functions(control)
    finally:
        control.close()
        host.stop(0).wait()


def test_versions_come_newest_first_with_their_time() -> None:
    """In UTC; a function that is not there is a NotFoundError."""
    office = Office()
    with asking(office) as functions:
        assert functions.versions("f") == [
            Version(2, "b", datetime(1970, 1, 1, 0, 0, 2, 500_000, UTC), "current"),
            Version(1, "a", datetime(1970, 1, 1, 0, 0, 1, 0, UTC), "retired"),
        ]
        with pytest.raises(NotFoundError, match="no function 'g'"):
            functions.versions("g")
    assert {each.namespace for each in office.asked} == {"n"}


def test_a_rollback_is_by_number_or_by_version() -> None:
    """Which the server is told by its id."""
    office = Office()
    with asking(office) as functions:
        old = functions.versions("f")[-1]
        for which in (1, old):
            assert functions.roll_back("f", which).number == 1
        functions.delete("f")
    asked = [(each.number, each.id) for each in office.asked[1:3]]
    assert asked == [(1, ""), (0, "a")]
    assert office.asked[-1].name == "f"


class Looked(MemorySession):
    """A session whose functions write down what is done."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, ...]] = []

    @property
    def functions(self) -> Any:
        return self

    def roll_back(self, name: str, which: Any) -> None:
        """Make the version of that number current."""
        self.done.append((name, which))
        [self.current[name]] = [
            identity
            for identity, (spec, _, number) in self.versions.items()
            if (spec.name, number) == (name, which)
        ]

    def delete(self, name: str) -> None:
        """Write it down."""
        self.done.append((name,))


def test_a_handle_by_name_follows_a_rollback_and_a_decorated_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without waiting for what it knows to be stale."""
    session = Looked()
    monkeypatch.setattr("chalkcompute.deployment._capture", session.capture)
    runtime.install(session, worker=False)
    try:

        def answer() -> int:
            return 1

        chalkcompute.function(answer)()

        def answer() -> int:
            return 2

        decorated, named = chalkcompute.function(answer), RemoteFunction.from_name("answer")
        assert (decorated(), named()) == (2, 2)
        named.options(timeout=3).rollback(1)
        assert (decorated(), named()) == (2, 1)
        named.delete()
        assert session.done == [("answer", 1), ("answer",)]
    finally:
        runtime.install(None)
