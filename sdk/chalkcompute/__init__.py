"""Decorate Python functions, run the script, and call them from anywhere."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - told here, not by whatever breaks first
    raise ImportError(
        f"fnq needs Python 3.11 or newer, and this is Python {sys.version.split()[0]} "
        f"({sys.executable}): use another one"
    )

from chalkcompute.call import Call, CallStatus
from chalkcompute.context import CallContext, get_call_context
from chalkcompute.errors import (
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
from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.functions import F
from chalkcompute.function import RemoteFunction, function
from chalkcompute.gathering import as_completed, gather
from chalkcompute.image import Image
from chalkcompute.mapped import Map
from chalkcompute.retry import RetryPolicy
from chalkcompute.secret import Secret
from chalkcompute.stream import Stream
from chalkcompute.version import Version
from chalkcompute.volume import Volume

__all__ = [
    "AuthError",
    "Call",
    "CallCancelledError",
    "CallContext",
    "CallStatus",
    "CallTimeoutError",
    "ConnectionLostError",
    "DataFrame",
    "DeployError",
    "DiscoveryError",
    "ExpressionError",
    "F",
    "FnqError",
    "Image",
    "ImageBuildError",
    "ImportFailedError",
    "KeyConflictError",
    "Map",
    "NestingTooDeepError",
    "NotAcceptedError",
    "NotDoneError",
    "NotFoundError",
    "NotReadyError",
    "PayloadTooLargeError",
    "ProtocolError",
    "QueueFullError",
    "RemoteError",
    "RemoteFunction",
    "ResultExpiredError",
    "RetryPolicy",
    "Secret",
    "SerializationError",
    "StackError",
    "Stream",
    "StreamDivergedError",
    "TlsError",
    "UnschedulableError",
    "Version",
    "Volume",
    "WorkerLostError",
    "_",
    "as_completed",
    "function",
    "gather",
    "get_call_context",
]
