"""How an exception travels: as names and text, never as an object.

An envelope is what the pipe carries as JSON and the streams as `Failure`. What a
user's function raised becomes a `RemoteError`; what the system has to say keeps its
own class. Standard library only: the runner uses this in the user's interpreter.
"""

from __future__ import annotations

import os
import sys
import textwrap
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from fnq_wire import error
from fnq_wire.error import FnqError, RemoteError

if TYPE_CHECKING:
    from fnq.v1.result_pb2 import Failure

__all__ = ["Envelope", "describe", "from_proto", "make", "of", "revive", "sound", "to_proto"]

#: Characters; a message longer than this loses its middle.
_MAX_MESSAGE = 64 * 1024
#: Characters; a traceback longer than this loses its middle.
_MAX_TRACEBACK = 256 * 1024
#: The package whose frames are left out of a user's traceback.
_RUNNER = "fnq_runner"


class Envelope(TypedDict):
    """Hold a failure as plain values; `error` names a class of `fnq_wire.error`."""

    error: str
    exception_type: str
    message: str
    traceback: str
    detail: dict[str, str]


def describe(exc: BaseException) -> Envelope:
    """Return the envelope of an exception that a user's function raised.

    A RemoteError that passes through (of a nested call) keeps the type and the
    message of the exception it began as; the traceback shows both sides. Never
    raises, whatever the exception does when it is printed.
    """
    kind = type(exc)
    detail = {} if kind.__module__ == "builtins" else {"module": str(kind.__module__)}
    name, message = kind.__name__, _text_of(exc)
    if isinstance(exc, RemoteError) and exc.exception_type:
        name, message, detail = exc.exception_type, exc.message, dict(exc.detail)
    return {
        "error": "RemoteError",
        "exception_type": _clean(name, _MAX_MESSAGE),
        "message": _clean(message, _MAX_MESSAGE),
        "traceback": _clean(_traceback_of(exc), _MAX_TRACEBACK),
        "detail": detail,
    }


def of(exc: FnqError) -> Envelope:
    """Return the envelope of an error of the system's own; it keeps its class."""
    return make(type(exc).__name__, str(exc), exc.detail)


def make(name: str, message: str, detail: Mapping[str, object] | None = None) -> Envelope:
    """Return the envelope of the error of that name, raised or not."""
    return sound({"error": name, "message": message, "detail": detail})


def revive(failure: Mapping[str, Any], *, call_id: str, function: str, attempt: int) -> FnqError:
    """Return the error that the caller raises for an envelope.

    The remote traceback is an attribute and a note, so that the local traceback
    shows it. A name that this release does not know becomes a plain FnqError that
    begins with the name.
    """
    told = sound(failure)
    name, message = told["error"], told["message"]
    if name == "RemoteError":
        return _revive_remote(told, call_id, function, attempt)
    known = getattr(error, name, None) if name in error.__all__ else None
    if known is None:
        known, message = FnqError, f"{name or 'failure'}: {message}"
    revived: FnqError = known(
        message, call_id=call_id, function=function, attempt=attempt, detail=told["detail"]
    )
    if printed := told["detail"].get("log"):
        revived.add_note("It printed last:\n" + textwrap.indent(printed, "  "))
    return revived


def to_proto(failure: Mapping[str, Any]) -> Failure:
    """Return the envelope as the message that lies in a result."""
    from fnq.v1.result_pb2 import Failure

    return Failure(**sound(failure))


def from_proto(failure: Failure) -> Envelope:
    """Return the envelope that a message of a result holds."""
    return {
        "error": failure.error,
        "exception_type": failure.exception_type,
        "message": failure.message,
        "traceback": failure.traceback,
        "detail": dict(failure.detail),
    }


def sound(failure: Mapping[str, Any]) -> Envelope:
    """Return the envelope with text wherever text belongs; a runner may send anything."""
    detail = failure.get("detail")
    facts = detail.items() if isinstance(detail, Mapping) else ()
    return {
        "error": _clean(str(failure.get("error", "")), _MAX_MESSAGE),
        "exception_type": _clean(str(failure.get("exception_type", "")), _MAX_MESSAGE),
        "message": _clean(str(failure.get("message", "")), _MAX_MESSAGE),
        "traceback": _clean(str(failure.get("traceback", "")), _MAX_TRACEBACK),
        "detail": {_clean(str(k), _MAX_MESSAGE): _clean(str(v), _MAX_MESSAGE) for k, v in facts},
    }


def _revive_remote(told: Envelope, call_id: str, function: str, attempt: int) -> RemoteError:
    kind, message, remote = told["exception_type"], told["message"], told["traceback"]
    revived = RemoteError(
        f"{kind}: {message}" if message else kind,
        exception_type=kind,
        message=message,
        remote_traceback=remote,
        call_id=call_id,
        function=function,
        attempt=attempt,
        detail=told["detail"],
    )
    if remote:
        where = f"Remote traceback ({function}, call {call_id}, attempt {attempt}):"
        revived.add_note(where + "\n" + textwrap.indent(remote.rstrip("\n"), "  "))
    return revived


def _text_of(exc: BaseException) -> str:
    """Return str(exc), or say that it has none."""
    try:
        return str(exc)
    except Exception as problem:  # noqa: BLE001 - user code runs in __str__
        return f"<its text cannot be had: {type(problem).__name__}>"


def _traceback_of(exc: BaseException) -> str:
    """Return the traceback as Python prints it, without the runner's own frames."""
    try:
        told = traceback.TracebackException.from_exception(exc, compact=True)
        _drop_runner(told)
        return "".join(told.format())
    except Exception as problem:  # noqa: BLE001 - user code runs in __str__ and __repr__
        return f"<its traceback cannot be had: {type(problem).__name__}>\n"


def _drop_runner(told: traceback.TracebackException) -> None:
    """Take the frames of the runner out of a traceback and all that it chains to.

    One that has no other frames keeps them: it is about the runner.
    """
    runner = sys.modules.get(_RUNNER)
    if runner is None or not runner.__file__:
        return
    home = os.path.dirname(runner.__file__) + os.sep
    waiting: list[traceback.TracebackException | None] = [told]
    while waiting:
        one = waiting.pop()
        if one is None:
            continue
        kept = [frame for frame in one.stack if not frame.filename.startswith(home)]
        if kept:
            one.stack = traceback.StackSummary.from_list(kept)
        waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]


def _clean(text: str, limit: int) -> str:
    """Return text that any transport takes: valid Unicode, `limit` characters at most."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
    return text
