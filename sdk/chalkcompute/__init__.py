"""Decorate Python functions, run the script, and call them from anywhere."""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - told here, not by whatever breaks first
    raise ImportError(
        f"fnq needs Python 3.11 or newer, and this is Python {sys.version.split()[0]} "
        f"({sys.executable}): use another one"
    )

from chalkcompute.context import CallContext, get_call_context
from chalkcompute.errors import (
    AuthError,
    CallCancelledError,
    CallTimeoutError,
    ConnectionLostError,
    DeployError,
    DiscoveryError,
    FnqError,
    ImageBuildError,
    NestingTooDeepError,
    NotAcceptedError,
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
    UnschedulableError,
    WorkerLostError,
)
from chalkcompute.function import RemoteFunction, function
from chalkcompute.image import Image
from chalkcompute.retry import RetryPolicy
from chalkcompute.secret import Secret
from chalkcompute.stream import Stream
from chalkcompute.volume import Volume

__all__ = [
    "AuthError",
    "CallCancelledError",
    "CallContext",
    "CallTimeoutError",
    "ConnectionLostError",
    "DeployError",
    "DiscoveryError",
    "FnqError",
    "Image",
    "ImageBuildError",
    "NestingTooDeepError",
    "NotAcceptedError",
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
    "UnschedulableError",
    "Volume",
    "WorkerLostError",
    "function",
    "get_call_context",
]
