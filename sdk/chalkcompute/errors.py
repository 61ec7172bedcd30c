"""The errors of fnq under the name by which users import them.

The tree is drawn in `fnq_wire.error`, where services find it too.
"""

from __future__ import annotations

from fnq_wire import error
from fnq_wire.error import (
    AuthError,
    CallCancelledError,
    CallTimeoutError,
    ConnectionLostError,
    DeployError,
    DiscoveryError,
    ExpressionError,
    FnqError,
    ImageBuildError,
    ImportFailedError,
    KeyConflictError,
    NestingTooDeepError,
    NotAcceptedError,
    NotDoneError,
    NotFoundError,
    NotReadyError,
    PayloadTooLargeError,
    ProtocolError,
    QueueFullError,
    RemoteError,
    ResultExpiredError,
    SerializationError,
    StackError,
    StreamDivergedError,
    TlsError,
    UnschedulableError,
    WorkerLostError,
)

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

# A traceback names the module that a user can import the class from.
for _name in __all__:
    getattr(error, _name).__module__ = __name__
del _name
