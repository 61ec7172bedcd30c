"""What user code printed."""

from __future__ import annotations

import asyncio

from fnq_core.logs import Line, LogStreams
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected

CALL = b"c" * 16


async def test_the_last_lines_come_oldest_first(server: RedisServer) -> None:
    """Of all functions together, with call and source; the log expires."""
    async with connected(server) as client:
        logs = LogStreams(client)
        await logs.append("default", "f", [(CALL, "stdout", "one"), (b"", "stderr", "två")])
        await logs.append("default", "g", [(CALL, "stdout", "three")])
        found = [line async for line in logs.tail("default", ["f", "g", "none"], 10)]
        assert [(each.function, each.source, each.text) for each in found] == [
            ("f", "stdout", "one"),
            ("f", "stderr", "två"),
            ("g", "stdout", "three"),
        ]
        assert [each.call for each in found] == [CALL, b"", CALL]
        assert [line.text async for line in logs.tail("default", ["f", "g"], 1)] == ["three"]
        assert all(server.ask("TTL", key) > 0 for key in server.names())


async def test_text_that_is_no_unicode_is_kept_as_far_as_it_can_be(server: RedisServer) -> None:
    """Half of a surrogate pair must not stop the log."""
    async with connected(server) as client:
        logs = LogStreams(client)
        await logs.append("default", "f", [(b"", "stdout", "a\ud800b")])
        assert [line.text async for line in logs.tail("default", ["f"], 1)] == ["a?b"]


async def test_a_follower_gets_each_line_once(server: RedisServer) -> None:
    """The last ones first, then what comes, from a function that was silent too."""
    async with connected(server) as client, connected(server) as waiting:
        logs = LogStreams(client, waiting)
        await logs.append("default", "f", [(b"", "stdout", str(number)) for number in range(5)])
        got: list[Line] = []

        async def follow() -> None:
            async for line in logs.follow("default", ["f", "g"], 2):
                got.append(line)
                if line.text == "4":
                    await logs.append("default", "f", [(b"", "stdout", "5")])
                    await logs.append("default", "g", [(b"", "stdout", "6")])
                if line.text == "6":
                    return

        await asyncio.wait_for(follow(), 10)
        assert [each.text for each in got] == ["3", "4", "5", "6"]
