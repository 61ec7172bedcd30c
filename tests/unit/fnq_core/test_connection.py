"""Redis that is away, refuses, is too old or wants a password."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core.connection import (
    UNREACHABLE,
    DiskFullError,
    FullError,
    NotNowError,
    RedisClosedError,
    RedisTooOldError,
    check,
    connect,
    insist,
    measure,
    together,
)
from tests.redis import RedisServer, full
from tests.unit.fnq_core.streams import connected

#: How Redis 6.2 begins what it says of a command inside a script.
IN_A_SCRIPT = "ERR Error running script (call to f_0): @user_script:8: @user_script: 8: "


async def test_a_running_redis_tells_its_version(server: RedisServer) -> None:
    """Of Valkey its own, not the one that it claims for old clients."""
    async with connected(server) as client:
        assert re.fullmatch(r"\d+\.\d+\.\d+", await check(client))


async def test_a_running_redis_tells_what_its_data_take(server: RedisServer) -> None:
    """In bytes, more with more data."""
    async with connected(server) as client:
        before = await measure(client)
        server.ask("SET", "fnq:test", bytes(1 << 20), "EX", 60)
        after = await measure(client)
        assert after.version == before.version
        assert after.used - before.used >= 1 << 20


async def test_one_that_is_too_old_is_refused() -> None:
    """The error names both versions and what to do."""

    class Old:
        async def execute_command(self, *_: object) -> bytes:
            return b"# Server\r\nredis_version:6.0.16\r\nredis_mode:standalone\r\n"

    old: Any = Old()
    with pytest.raises(RedisTooOldError, match=r"6\.0\.16 is too old: fnq needs 6\.2 or newer"):
        await check(old)


async def test_a_missing_or_wrong_password_is_said(server: RedisServer) -> None:
    """At once, with the setting to correct, and without the password."""
    server.ask("CONFIG", "SET", "requirepass", "right")
    try:
        for url in (server.url, server.url.replace("unix://", "unix://:wrong@")):
            client = connect(url)
            with pytest.raises(RedisClosedError, match="check REDIS_URL"):
                await asyncio.wait_for(insist("connecting", partial(check, client)), 5)
            await client.aclose()
    finally:
        server.ask("CONFIG", "SET", "requirepass", "")


async def test_a_redis_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """However long it takes; the command is tried anew then."""
    server = RedisServer(tmp_path)
    client = connect(server.url)
    work = asyncio.create_task(
        insist("testing", lambda: client.execute_command("SET", "k", "v", "EX", 9))
    )
    await asyncio.wait([work], timeout=0.2)
    assert not work.done()
    server.start()
    try:
        assert await asyncio.wait_for(work, 5) == b"OK"
        server.kill()
        work = asyncio.create_task(insist("testing", lambda: client.execute_command("GET", "k")))
        await asyncio.wait([work], timeout=0.2)
        server.start()
        assert await asyncio.wait_for(work, 5) is None
    finally:
        await client.aclose()
        server.kill()


async def test_a_redis_that_is_full_is_waited_for(server: RedisServer) -> None:
    """In a command, in a pipeline and in a script alike: nothing was carried out."""

    async def command(client: Redis) -> Any:
        return await client.execute_command("SET", "k", "v", "EX", 9)

    async def pipeline(client: Redis) -> Any:
        async with client.pipeline(transaction=True) as pipe:
            pipe.execute_command("SET", "k", "v", "EX", 9)
            return await pipe.execute()

    async def script(client: Redis) -> Any:
        return await client.register_script("return redis.call('SET', 'k', 'v', 'EX', 9)")()

    for write in (command, pipeline, script):
        async with connected(server) as client:
            with full(server):
                with pytest.raises(UNREACHABLE):
                    await write(client)
                work = asyncio.create_task(insist("testing", partial(write, client)))
                await asyncio.wait([work], timeout=0.1)
                assert not work.done()
            assert await asyncio.wait_for(work, 5) in (b"OK", [b"OK"])


async def test_a_redis_that_stays_full_is_given_up_where_that_is_asked_for(
    server: RedisServer,
) -> None:
    """After so many tries, by an error that tells it from a Redis that is away."""
    tries = 0

    async with connected(server) as client:

        async def write() -> None:
            nonlocal tries
            tries += 1
            await client.execute_command("SET", "k", "v", "EX", 9)

        with full(server), pytest.raises(FullError, match="OOM command not allowed"):
            await insist("testing", write, full_tries=3)
        assert tries == 3


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", FullError),
        ("MISCONF Redis is configured to save RDB snapshots", NotNowError),
        ("MISCONF Errors writing to the AOF file: No space left on device", DiskFullError),
        ("MISCONF Errors writing to the AOF file: Input/output error", NotNowError),
        (f"{IN_A_SCRIPT}-OOM command not allowed when used memory > 'maxmemory'.", FullError),
        ("@user_script: 8: -OOM command not allowed when used memory > 'maxmemory'.", FullError),
        (f"{IN_A_SCRIPT}-READONLY You can't write against a read only replica.", NotNowError),
        ("ERR no such thing as OOM here", ResponseError),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", ResponseError),
    ],
)
async def test_what_passes_is_told_from_what_is_wrong(
    server: RedisServer, words: str, kind: type[ResponseError]
) -> None:
    """Also where a script was carried out, in the words of every Redis."""
    async with connected(server) as client:
        with pytest.raises(ResponseError) as caught:
            await client.execute_command("EVAL", "return redis.error_reply(ARGV[1])", 0, words)
    assert type(caught.value) is kind


async def test_a_command_that_is_wrong_is_not_repeated(server: RedisServer) -> None:
    """Its error goes through: waiting would not help."""
    async with connected(server) as client:
        with pytest.raises(ResponseError, match="unknown command"):
            await insist("testing", lambda: client.execute_command("NOPE"))


async def test_replies_are_raw(server: RedisServer) -> None:
    """No callback of the library changes them, in no kind of client."""
    async with connected(server) as client:
        single = connect(server.url, single=True)
        for each in (client, single):
            assert await each.execute_command("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"0"]
        assert isinstance(await single.execute_command("CLIENT", "ID"), int)
        await single.aclose()


async def test_commands_that_go_together_take_one_round_trip(server: RedisServer) -> None:
    """Their replies are in order; one that is refused is raised, or is its own reply."""
    async with connected(server) as client:
        await check(client)
        reads = server.reads()
        echoes: list[tuple[object, ...]] = [("ECHO", str(number)) for number in range(50)]
        assert await together(client, echoes) == [b"%d" % number for number in range(50)]
        assert server.reads() - reads < 5
        wrong = [("ECHO", "a"), ("NONSENSE",), ("ECHO", "b")]
        first, second, third = await together(client, wrong, errors=True)
        assert (first, third) == (b"a", b"b")
        assert isinstance(second, ResponseError)
        with pytest.raises(ResponseError, match="NONSENSE"):
            await together(client, wrong)
        assert await together(client, []) == []


@pytest.mark.parametrize("transaction", [False, True])
async def test_an_error_of_many_commands_holds_nothing_that_was_sent(
    server: RedisServer, transaction: bool
) -> None:
    """What calls carry is nobody's business in a log."""
    server.ask("SET", "fnq:test", "no hash", "EX", 60)
    async with connected(server) as client, client.pipeline(transaction=transaction) as pipe:
        pipe.execute_command("HSET", "fnq:test", "field", b"a user's secret")
        with pytest.raises(ResponseError) as raised:
            await pipe.execute()
    assert str(raised.value).startswith("WRONGTYPE")
    assert "secret" not in str(raised.value)


async def test_many_commands_at_once_each_get_a_connection(server: RedisServer) -> None:
    """Reads that wait do not keep others from Redis."""
    async with connected(server) as client:
        waits = [
            asyncio.create_task(
                client.execute_command("XREAD", "BLOCK", 400, "STREAMS", f"s{number}", "$")
            )
            for number in range(150)
        ]
        assert await asyncio.gather(*waits) == [None] * 150
