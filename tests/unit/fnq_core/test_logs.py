"""What user code printed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fnq_core import logs as logs_module
from fnq_core.logs import Line, LogStreams, Names
from tests.loop import eventually
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected

CALL = b"c" * 16


def _named(*names: str) -> Names:
    """Return what a follower asks for the names of functions."""

    async def ask() -> Sequence[str]:
        return names

    return ask


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
            async for line in logs.follow("default", _named("f", "g"), 2):
                got.append(line)
                if line.text == "4":
                    await logs.append("default", "f", [(b"", "stdout", "5")])
                    await logs.append("default", "g", [(b"", "stdout", "6")])
                if line.text == "6":
                    return

        await asyncio.wait_for(follow(), 10)
        assert [each.text for each in got] == ["3", "4", "5", "6"]


async def test_the_last_lines_of_a_call_are_its_own(server: RedisServer) -> None:
    """However many lines others printed since; its id may be cut at the front."""
    async with connected(server) as client:
        logs = LogStreams(client)
        await logs.append("default", "g", [(CALL, "stdout", "nested")])
        await logs.append("default", "f", [(CALL, "stdout", str(number)) for number in range(5)])
        others = [(b"d" * 16, "stdout", "noise")] * 2_500
        await logs.append("default", "f", others)

        async def texts(count: int, call: str) -> list[str]:
            found = logs.tail("default", ["g", "f"], count, call)
            return [line.text async for line in found]

        assert await texts(3, CALL.hex()) == ["2", "3", "4"]
        assert await texts(100, CALL.hex()[-8:]) == ["nested", "0", "1", "2", "3", "4"]
        assert await texts(100, "ee" * 16) == []


async def test_who_follows_a_call_hears_only_of_it(server: RedisServer) -> None:
    """Of its last lines and of those that come."""
    async with connected(server) as client, connected(server) as waiting:
        logs = LogStreams(client, waiting)
        both = [(CALL, "stdout", "a"), (b"d" * 16, "stdout", "b")]
        await logs.append("default", "f", both)
        following = logs.follow("default", _named("f"), 1, CALL.hex())
        async with asyncio.timeout(10):
            assert (await anext(following)).text == "a"
            await logs.append("default", "f", [both[1], both[0]])
            assert (await anext(following)).text == "a"
        await following.aclose()


async def test_a_function_that_comes_later_is_followed_too(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first line on, also where there was none at all before."""
    monkeypatch.setattr(logs_module, "_BLOCK_MS", 20)
    async with connected(server) as client, connected(server) as waiting:
        logs = LogStreams(client, waiting)
        names: list[str] = []
        asked = 0

        async def ask() -> Sequence[str]:
            nonlocal asked
            asked += 1
            return names

        following = logs.follow("default", ask, 10)
        async with asyncio.timeout(10):
            for name in ("f", "g"):
                heard = asyncio.ensure_future(anext(following))
                before = asked
                await eventually(lambda before=before: asked > before + 1)  # type: ignore[misc]
                await logs.append("default", name, [(b"", "stdout", f"of {name}")])
                names.append(name)
                assert (await heard).text == f"of {name}"
        await following.aclose()
