"""What a server says of a deploy that it carries out, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from chalkcompute.deployhearing import DeployHearing, error_of
from chalkcompute.errors import (
    DeployError,
    FnqError,
    ImageBuildError,
    ImportFailedError,
    NotReadyError,
    UnschedulableError,
)
from fnq.v1 import control_pb2

Event = control_pb2.DeployEvent


class Told:
    """Writes down what is to be shown."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []

    def hear(self, function: str, step: str, output: str = "") -> None:
        """Take a step."""
        self.heard.append((function, step, output))


class Broken(grpc.RpcError):
    """An error of gRPC."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        """Return what it is."""
        return self._code


def _hear(
    *events: Event, timeout: float | None = None, end: Exception | None = None
) -> tuple[Any, Told, Any]:
    def said() -> Iterator[Event]:
        yield from events
        if end is not None:
            raise end

    told, patience = Told(), SimpleNamespace(heard=False)
    shown: Any = told
    reply = DeployHearing(["f", "g"], timeout).hear(said(), patience, shown)
    return reply, told, patience


def _step(step: str, output: str = "") -> Event:
    return Event(progress=control_pb2.Progress(function="f", step=step, output=output))


def test_steps_are_shown_until_the_reply_comes() -> None:
    """With what a build prints; the server is known to be there."""
    reply = control_pb2.DeployReply(active=["cpu"])
    heard, told, patience = _hear(_step("one"), _step("one", "out"), Event(reply=reply))
    assert heard == reply
    assert told.heard == [("f", "one", ""), ("f", "one", "out")]
    assert patience.heard


def test_a_server_that_breaks_off_has_said_nothing() -> None:
    """It is asked again; what gRPC raises goes through."""
    heard, _, patience = _hear(_step("one"))
    assert heard is None
    assert patience.heard
    with pytest.raises(Broken):
        _hear(end=Broken(grpc.StatusCode.UNAVAILABLE))


def test_when_the_time_is_over_the_error_says_what_was_waited_for() -> None:
    """By the function that it was waited for, or by all."""
    late = Broken(grpc.StatusCode.DEADLINE_EXCEEDED)
    with pytest.raises(NotReadyError, match=r"^f was not ready within 4 s: imports$"):
        _hear(_step("imports"), timeout=4, end=late)
    with pytest.raises(NotReadyError, match="f, g was not ready within 4 s: the server does not"):
        _hear(timeout=4, end=late)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ImportFailedError", ImportFailedError),
        ("ImageBuildError", ImageBuildError),
        ("UnschedulableError", UnschedulableError),
        ("DeployError", DeployError),
        ("SomeNewerError", DeployError),
        ("error", DeployError),
    ],
)
def test_a_failure_is_raised_as_the_class_that_the_server_names(
    name: str, kind: type[FnqError]
) -> None:
    """With its text, and the traceback as a note; one that is not known here is a DeployError."""
    failure = control_pb2.DeployFailure(
        function="f", error=name, message="no module", traceback="Traceback ..."
    )
    with pytest.raises(kind) as caught:
        _hear(_step("one"), Event(failure=failure))
    assert type(caught.value) is kind
    assert str(caught.value) == "f was not deployed: no module"
    assert caught.value.function == "f"
    assert caught.value.__notes__ == ["Traceback ..."]


def test_a_failure_of_no_one_function_is_told_as_it_is() -> None:
    """Without a note where there is nothing more to say."""
    error = error_of(control_pb2.DeployFailure(error="DeployError", message="deploy again"))
    assert str(error) == "deploy again"
    assert not hasattr(error, "__notes__")


def test_an_import_that_failed_is_caught_as_either() -> None:
    """As a deploy that failed, and as a worker that is not ready."""
    error = error_of(control_pb2.DeployFailure(error="ImportFailedError", message="no"))
    assert isinstance(error, DeployError)
    assert isinstance(error, NotReadyError)
    assert isinstance(error, TimeoutError)
