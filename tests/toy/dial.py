"""Opening streams that a server may refuse before anything was written on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
import grpc.aio

__all__ = ["answered"]

_T = TypeVar("_T")
#: Tries that may go amiss in a row.
_TRIES = 20


async def answered(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Return or raise what the peer answers to a first frame.

    Where that crosses a refusal, gRPC says INTERNAL ("Failed execute_batch") and forgets
    the status that the peer gave: then the stream is opened again, as services do.
    """
    for _ in range(_TRIES):
        try:
            return await attempt()
        except grpc.aio.AioRpcError as problem:
            if problem.code() is not grpc.StatusCode.INTERNAL:
                raise
    return await attempt()
