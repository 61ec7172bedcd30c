"""Every error that a user of fnq can meet.

    FnqError (RuntimeError)
    ├── RemoteError                             the user's function raised
    ├── CallTimeoutError (TimeoutError)         an attempt or a call ran out of time
    ├── CallCancelledError                      somebody cancelled the call
    ├── WorkerLostError                         the process that ran the call died too often
    ├── UnschedulableError                      no machine can run the function
    ├── QueueFullError                          too many calls wait already, or Redis is full
    ├── NotAcceptedError                        the call cannot be queued: nobody will run it
    ├── PayloadTooLargeError (ValueError)       a value is over the hard cap
    ├── SerializationError (TypeError)          a value cannot travel, or bytes are not a value
    ├── StreamDivergedError                     a repeated run yielded something else
    ├── NestingTooDeepError (RecursionError)    calls call calls call calls
    ├── ResultExpiredError (LookupError)        the result was kept, and is gone
    ├── NotFoundError (LookupError)             no such function, version or call
    ├── NotReadyError (TimeoutError)            no worker came up in time
    ├── DeployError                             a function cannot be deployed
    │   └── ImageBuildError                     its image cannot be built
    ├── StackError                              the embedded stack cannot start
    ├── ConnectionLostError (ConnectionError)   the server cannot be reached
    │   └── DiscoveryError                      Consul does not say where it is
    ├── AuthError (PermissionError)             the server can be reached, and says no
    └── ProtocolError                           two ends speak different versions, or one garbage

All are RuntimeErrors, so that a caller may catch whatever a call ends with by one
builtin name; each is also the builtin that fits. The text of an error says what
was expected, what came, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "AuthError",
    "CallCancelledError",
    "CallTimeoutError",
    "ConnectionLostError",
    "DeployError",
    "DiscoveryError",
    "FnqError",
    "ImageBuildError",
    "NestingTooDeepError",
    "NotAcceptedError",
    "NotFoundError",
    "NotReadyError",
    "PayloadTooLargeError",
    "ProtocolError",
    "QueueFullError",
    "RemoteError",
    "ResultExpiredError",
    "SerializationError",
    "StackError",
    "StreamDivergedError",
    "UnschedulableError",
    "WorkerLostError",
]


class FnqError(RuntimeError):
    """Stand for anything that fnq itself has to complain about.

    `call_id` and `function` are empty and `attempt` is 0 where no call is
    concerned. `attempt` counts the executions before this one. `detail` holds
    machine-readable facts: "exit_code", "signal", "reason", "remedy" and others.
    """

    def __init__(
        self,
        text: str = "",
        *,
        call_id: str = "",
        function: str = "",
        attempt: int = 0,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self.call_id = call_id
        self.function = function
        self.attempt = attempt
        self.detail = dict(detail or {})


class RemoteError(FnqError):
    """Carry an exception that the user's function raised.

    The text is what Python prints for it: "ZeroDivisionError: division by zero".
    """

    def __init__(
        self,
        text: str = "",
        *,
        exception_type: str = "",
        message: str = "",
        remote_traceback: str = "",
        call_id: str = "",
        function: str = "",
        attempt: int = 0,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text, call_id=call_id, function=function, attempt=attempt, detail=detail)
        self.exception_type = exception_type
        self.message = message
        self.remote_traceback = remote_traceback


class CallTimeoutError(FnqError, TimeoutError):
    """Say that an attempt, or the call as a whole, ran out of time."""


class CallCancelledError(FnqError):
    """Say that the call was cancelled before it ended."""


class WorkerLostError(FnqError):
    """Say that the process that ran the call died, and died again."""

    @property
    def reason(self) -> str:
        """Return how it died: an exit code, a signal, out of memory; "" when unknown."""
        return self.detail.get("reason", "")


class UnschedulableError(FnqError):
    """Say that no machine offers what the function asks for."""


class QueueFullError(FnqError):
    """Say that the function has too many calls waiting to take another, or that Redis is full."""


class NotAcceptedError(FnqError):
    """Say that the call could not be queued, and why: nobody will run it."""


class PayloadTooLargeError(FnqError, ValueError):
    """Say that a value is larger than may travel."""


class SerializationError(FnqError, TypeError):
    """Say that a value cannot travel, or that bytes do not hold a value."""


class StreamDivergedError(FnqError):
    """Say that a repeated generator yielded something else than it did before."""


class NestingTooDeepError(FnqError, RecursionError):
    """Say that calls are nested deeper than is allowed."""


class ResultExpiredError(FnqError, LookupError):
    """Say that the result of a call was kept for its time and is gone."""


class NotFoundError(FnqError, LookupError):
    """Say that there is no function, version or call of that name."""


class NotReadyError(FnqError, TimeoutError):
    """Say that no worker of the function came up in time, and why."""


class DeployError(FnqError):
    """Say that a function cannot be deployed, and why."""


class ImageBuildError(DeployError):
    """Say that the image of a function cannot be built."""


class StackError(FnqError):
    """Say that the embedded stack on this machine cannot start or go on."""


class ConnectionLostError(FnqError, ConnectionError):
    """Say that the server cannot be reached, or went away for good."""


class DiscoveryError(ConnectionLostError):
    """Say that Consul cannot be asked, or knows no healthy instance of what is looked for."""


class AuthError(FnqError, PermissionError):
    """Say that the server refuses the token, or what it was asked to do."""


class ProtocolError(FnqError):
    """Say that two ends speak different versions of the protocol, or that bytes are damaged."""
