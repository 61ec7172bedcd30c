"""A stream to a peer, taken up again whenever it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
import structlog

from fnq_core.backoff import Backoff
from fnq_core.dialer import Dialer
from fnq_wire.error import ConnectionLostError, DiscoveryError, FnqError, ProtocolError, TlsError

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
    of one that speaks another version, now and the next time; and of one whose certificate
    cannot be trusted, or that has none, unless an earlier one has answered.
    """
    backoff = Backoff(first_s=0.02, most_s=0.5)
    while True:
        try:
            async with dialer.dial() as link:
                await serve(link, backoff)
        except (DiscoveryError, ProtocolError, TlsError, grpc.aio.AioRpcError) as problem:
            told = await _look_into(problem, peer, dialer, backoff)
            if isinstance(told, ProtocolError) or (
                isinstance(told, TlsError) and not backoff.proven
            ):
                _log.error(f"cannot talk to the {peer}", address=dialer.address, problem=str(told))
                fatal(told)
                return
            if backoff.tries == _MANY:
                _log.warning(f"no {peer}", address=dialer.address, problem=str(told))
        if over():
            return
        await asyncio.sleep(backoff.next())


async def _look_into(
    problem: FnqError | grpc.aio.AioRpcError, peer: str, dialer: Dialer, backoff: Backoff
) -> FnqError:
    """Return our error for one of gRPC's; where that goes on, what a handshake has to say."""
    if isinstance(problem, FnqError):
        return problem
    text = problem.details() or ""
    if problem.code() is grpc.StatusCode.FAILED_PRECONDITION:
        return ProtocolError(text)
    due = backoff.tries == _MANY or (backoff.tries > _MANY and not backoff.proven)
    if due and problem.code() is grpc.StatusCode.UNAVAILABLE:
        try:
            flaw = await dialer.flaw()
        except TlsError as unusable:
            return unusable
        if flaw is not None:
            return TlsError(f"no connection to the {peer} at {dialer.address}: {flaw}")
    return ConnectionLostError(text)
