"""Questions to a server's control plane, and servers that do not answer them at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from chalkcompute import control as control_module
from chalkcompute import progress
from chalkcompute.config import Config
from chalkcompute.control import Control
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
from fnq.v1 import control_pb2, control_pb2_grpc, spec_pb2

TARGET = Target("v" * 32, "add", "function", 1, False)
SPEC = spec_pb2.FunctionSpec(name="add", bundle="0" * 64)


class Moody(control_pb2_grpc.ControlServicer):
    """Refuses with each of `moods` in turn, once; after them it answers."""

    def __init__(self, *moods: grpc.StatusCode) -> None:
        self.moods = list(moods)
        self.asked = 0
        self.silent_s = 0.0

    def _enter(self, context: Any) -> None:
        self.asked += 1
        if self.moods:
            context.abort(self.moods.pop(0), "in a mood")

    def Lookup(self, request: Any, context: Any) -> Any:  # noqa: N802 - of the wire
        self._enter(context)
        found = control_pb2.FunctionVersion(id=TARGET.version, number=3)
        found.spec.name, found.spec.kind = request.name, "function"
        return found

    def Deploy(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._enter(context)
        reply = control_pb2.DeployReply()
        for number, _ in enumerate(request.specs, 1):
            reply.versions.add(id=TARGET.version, number=number)
        yield control_pb2.DeployEvent(reply=reply)

    def WaitReady(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        yield control_pb2.Readiness(
            state="waiting", reason="a worker dawdles", traceback="its last words"
        )
        time.sleep(self.silent_s)
        self._enter(context)
        yield control_pb2.Readiness(state="ready")


class Hasty(Moody):
    """Ends the first `broken` streams of a wait without saying how it stands."""

    def __init__(self, broken: int) -> None:
        super().__init__()
        self.broken = broken

    def WaitReady(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._enter(context)
        if self.asked > self.broken:
            yield control_pb2.Readiness(state="ready")


class Building(Moody):
    """Builds an image and starts a worker, and breaks off in the middle of it once."""

    def Deploy(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        for step, output in (
            ("image: step 1/1 pip install cowsay", ""),
            ("image: step 1/1 pip install cowsay", "Collecting cowsay"),
            ("its worker starts", ""),
        ):
            told = control_pb2.Progress(function="add", step=step, output=output)
            yield control_pb2.DeployEvent(progress=told)
            if output:
                self._enter(context)
        yield from super().Deploy(request, context)


@contextmanager
def asking(server: Moody) -> Iterator[Control]:
    """Yield what asks that server."""
    host = grpc.server(ThreadPoolExecutor(4))
    control_pb2_grpc.add_ControlServicer_to_server(server, host)
    port = host.add_insecure_port("127.0.0.1:0")
    host.start()
    control = Control(Config(addr=f"127.0.0.1:{port}"))
    try:
        yield control
    finally:
        control.close()
        host.stop(0).wait()


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    """A look-up, a deploy and a wait go through, and the user hears nothing of it."""
    away = [grpc.StatusCode.UNAVAILABLE] * 3
    with asking(Moody(*away)) as control:
        assert control.lookup("add", None)[0].number == 3
    with asking(Moody(*away)) as control:
        assert control.deploy([SPEC], {}).versions == [(TARGET.version, 1)]
    with asking(Moody(*away)) as control:
        control.wait_ready(TARGET, None)


def test_what_is_waited_for_is_said_once_over_a_broken_connection(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On change only, however often the server has to be asked."""
    with asking(Moody(grpc.StatusCode.UNAVAILABLE)) as control:
        control.wait_ready(TARGET, None)
    assert capsys.readouterr().err == "[fnq] add: a worker dawdles\n"


def test_what_a_deploy_waits_for_is_said_once_over_a_broken_connection(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Output of a build that succeeds is folded into one line."""
    monkeypatch.setattr(progress, "_QUIET_S", 0.0)
    with asking(Building(grpc.StatusCode.UNAVAILABLE)) as control:
        control.deploy([SPEC], {})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[fnq] add: image: step 1/1 pip install cowsay"
    assert lines[1].startswith("[fnq] add: image built in ")
    assert lines[2:] == ["[fnq] add: its worker starts"]


def test_a_wait_that_takes_too_long_names_the_cause() -> None:
    """The time-out counts over all tries."""
    server = Moody(grpc.StatusCode.UNAVAILABLE)
    server.silent_s = 0.3
    with asking(server) as control, pytest.raises(NotReadyError) as told:
        control.wait_ready(TARGET, 0.4)
    assert str(told.value) == "add was not ready within 0.4 s: a worker dawdles"
    assert told.value.__notes__ == ["its last words"]


def test_patience_begins_when_a_server_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a wait has lasted, a server that restarts then is asked again."""
    monkeypatch.setattr(control_module, "FIRST_PATIENCE_S", 0.05)
    monkeypatch.setattr(control_module, "PATIENCE_S", 0.05)
    server = Moody(grpc.StatusCode.UNAVAILABLE)
    server.silent_s = 0.2
    with asking(server) as control:
        control.wait_ready(TARGET, None)
    assert server.asked == 2


def test_a_wait_that_is_broken_off_is_begun_again() -> None:
    """A stream that ends early, without an error, says no more than a server that went away."""
    server = Hasty(2)
    with asking(server) as control:
        control.wait_ready(TARGET, None)
    assert server.asked == 3


def test_waits_that_are_always_broken_off_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do."""
    monkeypatch.setattr(control_module, "FIRST_PATIENCE_S", 0.1)
    with asking(Hasty(1_000)) as control, pytest.raises(ConnectionLostError, match="FNQ_ADDR"):
        control.wait_ready(TARGET, None)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, AuthError),
        (grpc.StatusCode.NOT_FOUND, NotFoundError),
        (grpc.StatusCode.FAILED_PRECONDITION, ProtocolError),
        (grpc.StatusCode.INTERNAL, DeployError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, DeployError),
    ],
)
def test_a_refusal_is_told_at_once(code: grpc.StatusCode, expected: type[FnqError]) -> None:
    """Asked once, and told by an error of our own with the server's words."""
    server = Moody(code, code)
    with asking(server) as control, pytest.raises(expected, match="in a mood") as told:
        control.deploy([SPEC], {})
    assert type(told.value) is expected
    assert server.asked == 1


def test_what_is_no_server_of_fnq_is_told_with_what_to_do() -> None:
    """Another service at the address answers as one that knows no such method."""
    server = Moody(grpc.StatusCode.UNIMPLEMENTED)
    with asking(server) as control, pytest.raises(DeployError) as told:
        control.deploy([SPEC], {})
    assert "is no server of fnq, or one of another version: in a mood" in str(told.value)
    assert "correct FNQ_ADDR" in str(told.value)


def test_a_server_that_stays_away_is_given_up_soon() -> None:
    """The first time nobody waits for longer than a second or so."""
    server = Moody(*[grpc.StatusCode.UNAVAILABLE] * 1_000)
    begun = time.monotonic()
    with asking(server) as control, pytest.raises(ConnectionLostError, match="in a mood"):
        control.lookup("add", None)
    assert 0.9 < time.monotonic() - begun < 5


def test_what_was_closed_is_asked_no_more() -> None:
    """Another thread may have opened another session: who still asks here is told at once."""
    server = Moody(*[grpc.StatusCode.UNAVAILABLE] * 1_000)
    with asking(server) as control, ThreadPoolExecutor(1) as thread:
        control._answered = True
        asked = thread.submit(control.lookup, "add", None)
        control.close()
        control.reconnect()
        with pytest.raises(ConnectionLostError, match="was closed"):
            asked.result(10)
        with pytest.raises(ConnectionLostError, match="was closed"):
            control.lookup("add", None)
