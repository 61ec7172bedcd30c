"""A stream to a peer, taken up again whenever it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
import structlog

from fnq_core.backoff import Backoff
from fnq_core.dialer import Dialer
from fnq_wire.error import DiscoveryError, ProtocolError

__all__ = ["keep_stream"]

#: Failures in a row of which a line is worth while.
_MANY = 3
_log = structlog.get_logger()


async def keep_stream(
    peer: str,
    dialer: Dialer,
    serve: Callable[[grpc.aio.Channel, Backoff], Awaitable[None]],
    fatal: Callable[[BaseException], None],
    over: Callable[[], bool] = lambda: False,
) -> None:
    """Serve one channel after another to a "server" or "consumer", until cancelled or `over`.

    `serve` resets the backoff that it gets as soon as the peer has answered. `fatal` is told
    of one that speaks another version, now and the next time.
    """
    backoff = Backoff(first_s=0.02, most_s=0.5)
    while True:
        try:
            async with dialer.dial() as link:
                await serve(link, backoff)
        except (DiscoveryError, ProtocolError, grpc.aio.AioRpcError) as problem:
            text, foreign = _read(problem)
            if foreign:
                _log.error(f"cannot talk to the {peer}", address=dialer.address, problem=text)
                fatal(ProtocolError(text))
                return
            if backoff.tries == _MANY:
                _log.warning(f"no {peer}", address=dialer.address, problem=text)
        if over():
            return
        await asyncio.sleep(backoff.next())


def _read(problem: Exception) -> tuple[str, bool]:
    """Return what a problem says, and whether the peer is of another version."""
    if isinstance(problem, grpc.aio.AioRpcError):
        return problem.details() or "", problem.code() is grpc.StatusCode.FAILED_PRECONDITION
    return str(problem), isinstance(problem, ProtocolError)
