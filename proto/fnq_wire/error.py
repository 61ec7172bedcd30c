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
    ├── KeyConflictError (ValueError)           an idempotency key stands for other arguments
    ├── SerializationError (TypeError)          a value cannot travel, or bytes are not a value
    ├── ExpressionError (ValueError)            an expression of a frame fits no columns, or no data
    ├── StreamDivergedError                     a repeated run yielded something else
    ├── NestingTooDeepError (RecursionError)    calls call calls call calls
    ├── ResultExpiredError (LookupError)        the result was kept, and is gone
    ├── NotFoundError (LookupError)             no such function, version or call
    ├── NotDoneError (TimeoutError)             it was waited for no longer, and goes on
    ├── NotReadyError (TimeoutError)            no worker came up in time
    ├── DeployError                             a function cannot be deployed
    │   ├── ImageBuildError                     its image cannot be built
    │   └── ImportFailedError (NotReadyError)   a worker cannot import it
    ├── StackError                              the embedded stack cannot start
    ├── ConnectionLostError (ConnectionError)   the server cannot be reached
    │   ├── DiscoveryError                      Consul does not say where it is
    │   └── TlsError                            no trust between two ends, or no TLS at one
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
    "ExpressionError",
    "FnqError",
    "ImageBuildError",
    "ImportFailedError",
    "KeyConflictError",
    "NestingTooDeepError",
    "NotAcceptedError",
    "NotDoneError",
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
    "TlsError",
    "UnschedulableError",
    "WorkerLostError",
]


class FnqError(RuntimeError):
    """Stand for anything that fnq itself has to complain about.

    `call_id` and `function` are empty and `attempt` is 0 where no call is
    concerned. `attempt` counts the executions before this one. `detail` holds
    machine-readable facts: "exit_code", "signal", "reason", "remedy" and others. `row`
    is the number of the row of a map or a frame that failed, from 0; of a frame `value`
    has its arguments, by the parameter's name or by position.
    """

    row: int | None = None
    value: Mapping[str, object] | None = None

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


class KeyConflictError(FnqError, ValueError):
    """Say that the idempotency key of a call stands for one with other arguments."""


class SerializationError(FnqError, TypeError):
    """Say that a value cannot travel, or that bytes do not hold a value."""


class ExpressionError(FnqError, ValueError):
    """Say that an expression of a frame does not fit its columns, or not what is in them."""


class StreamDivergedError(FnqError):
    """Say that a repeated generator yielded something else than it did before."""


class NestingTooDeepError(FnqError, RecursionError):
    """Say that calls are nested deeper than is allowed."""


class ResultExpiredError(FnqError, LookupError):
    """Say that the result of a call was kept for its time and is gone."""


class NotFoundError(FnqError, LookupError):
    """Say that there is no function, version or call of that name."""


class NotDoneError(FnqError, TimeoutError):
    """Say that a call has not ended in the time for which it was waited for; it goes on."""


class NotReadyError(FnqError, TimeoutError):
    """Say that no worker of the function came up in time, and why."""


class DeployError(FnqError):
    """Say that a function cannot be deployed, and why."""


class ImageBuildError(DeployError):
    """Say that the image of a function cannot be built."""


class ImportFailedError(DeployError, NotReadyError):
    """Say that a worker cannot import a function, so that it was not deployed."""


class StackError(FnqError):
    """Say that the embedded stack on this machine cannot start or go on."""


class ConnectionLostError(FnqError, ConnectionError):
    """Say that the server cannot be reached, or went away for good."""


class DiscoveryError(ConnectionLostError):
    """Say that Consul cannot be asked, or knows no healthy instance of what is looked for."""


class TlsError(ConnectionLostError):
    """Say that one end speaks TLS and the other does not, or does not trust it, and the remedy."""


class AuthError(FnqError, PermissionError):
    """Say that the server refuses the token, or what it was asked to do."""


class ProtocolError(FnqError):
    """Say that two ends speak different versions of the protocol, or that bytes are damaged."""
