"""The one way to connect to Redis, and to wait until it is there."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - the name that redis gives it
    NoPermissionError,
    ResponseError,
    TimeoutError,  # noqa: A004 - the name that redis gives it
)

from fnq_core import info, primary, redistls
from fnq_core.backoff import Backoff
from fnq_wire.limits import OLDEST_REDIS

__all__ = [
    "FULL_TRIES",
    "UNREACHABLE",
    "DiskFullError",
    "FullError",
    "Measures",
    "NotNowError",
    "RedisClosedError",
    "RedisTooOldError",
    "check",
    "connect",
    "error_of",
    "insist",
    "measure",
    "no_group",
    "together",
]

_T = TypeVar("_T")

#: What Redis says while it is there and cannot do what it is asked: its disk or memory
#: is full, it is a replica that waits for a primary, it loads, it runs a long script.
#: Redis 6.2 puts the place before it when it refuses a command inside a script.
_NOT_NOW = re.compile(r"(?:^|: -)(MISCONF|OOM|READONLY|NOREPLICAS|MASTERDOWN|LOADING|BUSY) ")
#: What Redis says, and why, when it cannot write its file for want of room.
_DISK_FULL = "No space left on device"
#: Tries for whoever does not wait for a Redis that is full to have room again: about 2 s.
FULL_TRIES = 8

#: Connections of one client; what holds them back is Redis' own limit.
_MOST_CONNECTIONS = 10_000
_log = structlog.get_logger()


class NotNowError(ResponseError):
    """Redis refuses for the moment; nothing was carried out."""


class FullError(NotNowError):
    """Redis' memory or disk is full: it refuses what needs more. Nothing was carried out."""

    #: What people are told.
    advice = (
        "Redis is full and takes nothing more: wait until calls have ended, "
        "or give it more memory (maxmemory)"
    )


class DiskFullError(FullError):
    """The disk is full: Redis refuses all that writes, deleting and acknowledging too."""

    advice = (
        "Redis is full: the disk that its file lies on has no room left; "
        "free some (for the stack on this machine where FNQ_HOME is)"
    )


#: What a command raises while Redis is away; any of these may have been carried out.
UNREACHABLE = (ConnectionError, TimeoutError, BusyLoadingError, NotNowError, OSError)


class _Parser(DefaultParser):  # type: ignore[misc, valid-type]  # one of two, as installed
    """Tells what passes from what is wrong with a command."""

    @classmethod
    def parse_error(cls, response: str) -> Exception:
        """Return the exception for an error of Redis."""
        passing = _NOT_NOW.search(response)
        if passing is not None and _DISK_FULL in response:
            return DiskFullError(response)
        if passing is not None:
            return FullError(response) if passing[1] == "OOM" else NotNowError(response)
        problem: Exception = super().parse_error(response)
        return problem


class _Pipeline(Pipeline):
    """Keeps out of its errors what was sent: they go to logs, and it is the users'."""

    def annotate_exception(self, exception: Exception, number: int, command: object) -> None:
        """Leave the error as Redis said it."""


class _Client(Redis):
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class Measures(NamedTuple):
    """The release that a Redis is compatible with, and the bytes that its data take."""

    version: str
    used: int


class RedisTooOldError(RuntimeError):
    """Redis is older than `OLDEST_REDIS`."""


#: A connection over a network that is cut breaks after 10 to 15 s.
_KEEPALIVE: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        socket.TCP_KEEPIDLE: 5,
        socket.TCP_KEEPINTVL: 2,
        socket.TCP_KEEPCNT: 3,
        socket.TCP_USER_TIMEOUT: 10_000,
    },
}


class RedisClosedError(RuntimeError):
    """Redis wants another password, or TLS does not come about."""


def connect(url: str, *, single: bool = False) -> Redis:
    """Return a client of the Redis at `url`; nothing is sent yet.

    `redis+consul://host:port[/service]` is the one that Consul calls healthy whenever
    a connection is made, and `rediss+consul://` the same over TLS. Raises ValueError for
    a URL that is none.

    Replies are raw (no callbacks of the library run over them). A single client has
    one connection, so that its id stays.
    Commands are never repeated behind the caller's back: what may be repeated
    is known only here and in the doors above.
    """
    client: Redis = _Client.from_url(
        **primary.arguments(url),
        protocol=2,
        parser_class=_Parser,
        # No time-out: with one the library sends each command through `asyncio.wait_for`,
        # which costs a task and in Python 3.11 swallows a cancellation. That a network
        # was cut is noticed by the kernel.
        socket_timeout=None,
        socket_connect_timeout=2.0,
        **({} if url.startswith("unix:") else _KEEPALIVE),
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        single_connection_client=single,
        # One for every command under way: the library's own limit is 100.
        max_connections=_MOST_CONNECTIONS,
    )
    client.response_callbacks.clear()
    return client


async def check(client: Redis) -> str:
    """Return the version of Redis.

    Raises RedisTooOldError below `OLDEST_REDIS`, and RedisClosedError when the
    password is wrong or missing, or where one end speaks TLS that the other does not
    speak, or does not trust.
    """
    try:
        reply: Any = await client.execute_command("INFO", "server")
    except (ConnectionError, TimeoutError, NoPermissionError) as problem:
        # The library wraps what it hears while it connects.
        for each in (problem, problem.__cause__):
            if isinstance(each, (AuthenticationError, NoPermissionError)):
                raise RedisClosedError(
                    f"Redis refused the connection: {each}; check REDIS_URL or REDIS_PASSWORD"
                ) from problem
        flaw = await redistls.flaw(client)
        if flaw is not None:
            raise RedisClosedError(flaw) from problem
        raise
    version = info.release(info.fields(reply))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        wanted = ".".join(map(str, OLDEST_REDIS))
        raise RedisTooOldError(
            f"Redis {version} is too old: fnq needs {wanted} or newer, or Valkey"
        )
    return version


async def together(
    client: Redis, commands: Sequence[tuple[Any, ...]], *, errors: bool = False
) -> list[Any]:
    """Return the replies to commands that go in one round trip, in order.

    With `errors` one that Redis refuses is its own reply; without, it is raised.
    """
    if not commands:
        return []
    async with client.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        replies: list[Any] = await pipe.execute(raise_on_error=not errors)
    return replies


def no_group(problem: ResponseError) -> bool:
    """Whether a call stream, or the group in it, is not there: nothing of it is pending."""
    return "NOGROUP" in str(problem)


async def measure(client: Redis) -> Measures:
    """Return what Redis is and takes."""
    fields = info.fields(await client.execute_command("INFO"))
    return Measures(fields["redis_version"], int(fields["used_memory"]))


def error_of(words: str) -> Exception:
    """Return the exception for an error of Redis that a script has passed on."""
    return _Parser.parse_error(words)


async def insist(
    what: str, command: Callable[[], Awaitable[_T]], *, full_tries: int | None = None
) -> _T:
    """Return what `command` returns, trying until Redis answers.

    Only for what may be done twice: a command that broke off may have been
    carried out. `what` names the effort in the log, once per outage. Any error
    other than Redis being away goes through; with `full_tries`, so does FullError
    when Redis says so that often.
    """
    backoff = Backoff(first_s=0.05, most_s=0.5)
    while True:
        try:
            return await command()
        except UNREACHABLE as problem:
            if full_tries is not None and isinstance(problem, FullError):
                full_tries -= 1
                if full_tries <= 0:
                    raise
            if backoff.tries == 0:
                _log.warning("redis is away", doing=what, problem=str(problem))
            await asyncio.sleep(backoff.next())
