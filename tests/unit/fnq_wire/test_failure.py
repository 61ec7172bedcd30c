"""An exception travels as text, and arrives as the error that says it."""

from __future__ import annotations

import json
import sys
import traceback
import types
from pathlib import Path
from typing import Any

import pytest

from fnq.v1.result_pb2 import Failure
from fnq_wire import failure
from fnq_wire.error import FnqError, RemoteError, SerializationError, WorkerLostError


def raised(function: Any) -> BaseException:
    """Return what the function raises, with its traceback."""
    try:
        function()
    except BaseException as exc:  # noqa: BLE001 - whatever it raises is what is looked at
        return exc
    raise AssertionError("nothing was raised")


def revived(exc: BaseException) -> FnqError:
    """Return what the caller gets for it, over the wire."""
    envelope = json.loads(json.dumps(failure.describe(exc)))
    message = Failure.FromString(failure.to_proto(envelope).SerializeToString())
    return failure.revive(failure.from_proto(message), call_id="0192", function="divide", attempt=2)


def test_a_remote_exception_reads_like_the_exception() -> None:
    """Type and message as Python prints them, and a RuntimeError."""
    got = revived(raised(lambda: 1 / 0))
    assert str(got) == "ZeroDivisionError: division by zero"
    assert isinstance(got, RemoteError)
    assert isinstance(got, RuntimeError)
    assert (got.exception_type, got.message) == ("ZeroDivisionError", "division by zero")
    assert (got.call_id, got.function, got.attempt) == ("0192", "divide", 2)


def test_the_remote_traceback_is_shown_in_the_local_one() -> None:
    """Where the function failed stands below where the caller called it."""
    got = revived(raised(lambda: 1 / 0))
    assert isinstance(got, RemoteError)
    assert "in <lambda>" in got.remote_traceback
    shown = "".join(traceback.format_exception(got))
    assert "Remote traceback (divide, call 0192, attempt 2):" in shown
    assert "ZeroDivisionError: division by zero" in shown.split("Remote traceback")[1]


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (ValueError(), "ValueError"),
        (KeyError("a"), "KeyError: 'a'"),
        (SystemExit(3), "SystemExit: 3"),
        (ValueError("a", 1), "ValueError: ('a', 1)"),
        (ValueError("\ud800"), "ValueError: \\ud800"),
        (ValueError("one\ntwo"), "ValueError: one\ntwo"),
    ],
)
def test_the_text_is_pythons(exc: BaseException, text: str) -> None:
    """With no message there is no colon, and no text breaks a transport."""
    assert str(revived(exc)) == text


def test_an_exception_that_cannot_be_printed_is_told_all_the_same() -> None:
    """What its __str__ raises is not raised again."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert str(revived(MuteError())) == "MuteError: <its text cannot be had: RuntimeError>"


def test_a_cause_and_a_note_are_in_the_traceback() -> None:
    """All that Python shows is shown."""

    def chained() -> None:
        try:
            _ = {"a": 1}["k"]
        except KeyError as problem:
            problem.add_note("look here")
            raise ValueError("outer") from problem

    got = revived(raised(chained))
    assert isinstance(got, RemoteError)
    for part in ("KeyError: 'k'", "look here", "direct cause", "ValueError: outer"):
        assert part in got.remote_traceback


def test_a_nested_remote_error_keeps_what_it_began_as() -> None:
    """The caller of the caller reads the first exception, and both tracebacks."""
    inner = revived(raised(lambda: 1 / 0))

    def outer() -> None:
        raise inner

    got = revived(raised(outer))
    assert isinstance(got, RemoteError)
    assert str(got) == "ZeroDivisionError: division by zero"
    assert "in outer" in got.remote_traceback
    assert "in <lambda>" in got.remote_traceback


def test_another_error_of_a_nested_call_is_the_functions_own() -> None:
    """The outer call did not lose a worker: its function raised."""
    got = revived(WorkerLostError("signal 9"))
    assert (type(got), str(got)) == (RemoteError, "WorkerLostError: signal 9")


def test_frames_of_the_runner_are_left_out(tmp_path: Path, monkeypatch: Any) -> None:
    """Unless there are no others: then the runner is what failed."""
    home = tmp_path / "fnq_runner"
    runner = types.ModuleType("fnq_runner")
    runner.__file__ = str(home / "__init__.py")
    monkeypatch.setitem(sys.modules, "fnq_runner", runner)
    scope: dict[str, Any] = {}
    source = "def invoke(function):\n    return function()\n"
    exec(compile(source, str(home / "invoke.py"), "exec"), scope)  # noqa: S102 - a frame of the runner's
    theirs = failure.describe(raised(lambda: scope["invoke"](lambda: 1 / 0)))
    assert "invoke.py" not in theirs["traceback"]
    assert "in <lambda>" in theirs["traceback"]
    trace = failure.describe(_without_first_frame(raised(lambda: scope["invoke"](None))))
    assert "invoke.py" in trace["traceback"]


def _without_first_frame(exc: BaseException) -> BaseException:
    frame = exc.__traceback__
    while frame is not None and "invoke.py" not in frame.tb_frame.f_code.co_filename:
        frame = frame.tb_next
    return exc.with_traceback(frame)


def test_what_is_too_long_loses_its_middle() -> None:
    """Beginning and end of a message stay, and it is said how much went."""
    told = failure.describe(ValueError("a" * 100_000 + "b" * 100_000))
    assert len(told["message"]) < 66_000
    assert told["message"].startswith("aaa")
    assert told["message"].endswith("bbb")
    assert "characters left out" in told["message"]


def test_an_error_of_the_systems_own_keeps_its_class() -> None:
    """With its text and its facts."""
    lost = WorkerLostError("worker died 3 times", detail={"reason": "out of memory"})
    got = failure.revive(failure.of(lost), call_id="01", function="f", attempt=0)
    assert isinstance(got, WorkerLostError)
    assert (str(got), got.reason) == ("worker died 3 times", "out of memory")


def test_a_failure_can_be_made_without_an_exception() -> None:
    """Facts become text, as the wire has them."""
    made = failure.make("SerializationError", "no", {"size": 3})
    assert made["detail"] == {"size": "3"}
    got = failure.revive(made, call_id="", function="", attempt=0)
    assert isinstance(got, SerializationError)


@pytest.mark.parametrize("name", ["LaterError", "", "Mapping", "__all__"])
def test_an_error_that_is_not_known_here_is_told_by_name(name: str) -> None:
    """A newer peer's error is an FnqError that begins with its name."""
    got = failure.revive({"error": name, "message": "m"}, call_id="", function="", attempt=0)
    assert type(got) is FnqError
    assert str(got) == f"{name or 'failure'}: m"


def test_an_envelope_from_a_runner_is_not_trusted() -> None:
    """Whatever stands in it becomes text that any transport takes."""
    odd = {"error": None, "message": ["\ud800"], "traceback": 3, "detail": {1: {"\udfff": 2}}}
    message = failure.to_proto(odd)
    assert (message.error, message.message) == ("None", "['\\ud800']")
    assert dict(message.detail) == {"1": "{'\\udfff': 2}"}
    got = failure.revive(
        {"error": "RemoteError", "detail": [1]}, call_id="", function="", attempt=0
    )
    assert (str(got), got.detail) == ("", {})
