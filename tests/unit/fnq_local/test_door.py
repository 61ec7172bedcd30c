"""The door of the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from fnq_local.door import Door
from fnq_wire.error import StackError


async def _echo(request: dict[str, Any]) -> dict[str, Any]:
    if request.get("verb") == "refuse":
        raise StackError("not today")
    return {"heard": request}


def _scene(act: Callable[[Door, str], Awaitable[None]]) -> None:
    """Run `act` with an open door and its path."""
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "door.sock")

    async def scene() -> None:
        door = Door(path, _echo)
        await door.open()
        await asyncio.wait_for(act(door, path), 10)
        await door.close(grace_s=1.0)

    asyncio.run(scene())
    assert not os.path.exists(path)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b'{"verb": "hello"}', {"ok": True, "heard": {"verb": "hello"}}),
        (b'{"verb": "refuse"}', {"ok": False, "error": "not today"}),
        (b"[1]", {"ok": False, "error": "expected a JSON object, got list"}),
        (b"GET / HTTP/1.1", {"ok": False, "error": "expected one JSON object in a line"}),
        (b"\xff\xfe", {"ok": False, "error": "expected one JSON object in a line"}),
    ],
)
def test_every_line_is_answered_by_one_line(line: bytes, answer: dict[str, Any]) -> None:
    """Also one that is no request; the connection lives on."""

    async def act(_door: Door, path: str) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        for _ in range(2):
            writer.write(line + b"\n")
            got = json.loads(await reader.readline())
            assert got["ok"] is answer["ok"]
            assert got.get("heard") == answer.get("heard")
            assert got.get("error", "").startswith(answer.get("error", ""))
        writer.close()
        await writer.wait_closed()

    _scene(act)


def test_a_line_without_end_is_hung_up_on() -> None:
    """A visitor cannot make the supervisor keep more than a mebibyte."""

    async def act(_door: Door, path: str) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x" * (3 << 20))
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()

    _scene(act)


def test_who_is_inside_when_the_door_shuts_is_hung_up_on() -> None:
    """Closing does not wait for visitors who say nothing."""

    async def act(door: Door, path: str) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"{}\n")
        await reader.readline()
        door.shut()
        with pytest.raises(OSError, match=r"No such file|refused"):
            await asyncio.open_unix_connection(path)
        await door.close(grace_s=0.05)
        assert await reader.read() == b""
        writer.close()

    _scene(act)


def test_a_path_that_is_taken_is_an_error() -> None:
    """The error names it."""
    folder = os.environ["XDG_RUNTIME_DIR"]
    with pytest.raises(StackError, match=f"cannot listen at {folder}"):
        asyncio.run(Door(folder, _echo).open())
