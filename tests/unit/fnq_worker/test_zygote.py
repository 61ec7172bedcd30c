"""The agent's door to a zygote: forks, kills, ends, and a zygote that is gone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fnq_wire.pipe import CUT_OFF
from fnq_worker.zygote import Zygote
from tests.loop import eventually


class Yard:
    """A door, and what it tells."""

    def __init__(self) -> None:
        self.exited: dict[str, tuple[int | None, int | None]] = {}
        self.lost = 0
        self.zygote = Zygote()
        self._ends: list[socket.socket] = []

    async def open(self, path: str | None) -> None:
        """Connect to the zygote at `path`, or to one of its own."""
        await self.zygote.open(path, self._note, self._lose)

    def _note(self, token: str, code: int | None, number: int | None) -> None:
        self.exited[token] = (code, number)

    def _lose(self) -> None:
        self.lost += 1

    async def fork(self, token: str) -> int:
        """Have a runner forked; the agent's end of its pipe stays open here."""
        ours, theirs = socket.socketpair()
        self._ends.append(ours)
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            return await self.zygote.fork(token, [theirs.fileno(), nothing, nothing], {"cwd": "/"})
        finally:
            theirs.close()
            os.close(nothing)

    def hang_up(self) -> None:
        """Close the agent's end of every pipe."""
        while self._ends:
            self._ends.pop().close()


@asynccontextmanager
async def yard(path: str | None = None, starter: str | None = None) -> AsyncIterator[Yard]:
    """Give a door to the zygote at `path`, or to one of its own."""
    made = Yard()
    try:
        if starter:
            made.zygote.start(starter)
        await made.open(path)
        yield made
    finally:
        await made.zygote.close()
        made.hang_up()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _folder(pid: int) -> Path:
    return Path(f"/proc/{pid}/cwd").readlink()


def _environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_runners_are_forked_killed_and_told_apart() -> None:
    """By token: how each ended, and that the other lives."""
    async with yard() as y:
        first, second = await y.fork("a"), await y.fork("b")
        assert first != second
        y.zygote.kill("a", signal.SIGKILL)
        await eventually(lambda: y.exited == {"a": (None, signal.SIGKILL)})
        assert _alive(second)
        y.hang_up()
        await eventually(lambda: y.exited.get("b") == (CUT_OFF, None))


async def test_a_zygote_of_ones_own_is_begun_by_the_file_that_says_how(tmp_path: Path) -> None:
    """Its runners start where that has it start, whatever their orders say."""
    starter = tmp_path / "start.py"
    starter.write_text(
        f"import os, runpy, sys\nos.chdir({str(tmp_path)!r})\nsys.argv.append('--here')\n"
        "runpy.run_module('fnq_runner', run_name='__main__', alter_sys=True)\n"
    )
    async with yard(starter=str(starter)) as y:
        pid = await y.fork("a")
        assert _folder(pid) == tmp_path


async def test_a_zygote_that_was_started_for_nothing_ends() -> None:
    """Its agent was told to stop before it knew what to run."""
    zygote = Zygote()
    zygote.start()
    assert zygote._process is not None
    own = zygote._process.pid
    await zygote.close()
    assert not _alive(own)


async def test_closing_ends_the_zygote_and_its_runners() -> None:
    """At once, whatever they do."""
    async with yard() as y:
        pid = await y.fork("a")
        assert y.zygote._process is not None
        own = y.zygote._process.pid
    await eventually(lambda: not _alive(pid) and not _alive(own))
    assert y.lost == 0


async def test_a_zygote_of_ones_own_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may read its environment finds none."""
    monkeypatch.setenv("VAULT_TOKEN", "secret-1")
    monkeypatch.setenv("REDIS_URL", "redis://:secret-2@host")
    async with yard() as y:
        await y.fork("a")
        assert y.zygote._process is not None
        environment = _environment(y.zygote._process.pid)
        assert b"PATH=" in environment
        assert b"secret" not in environment


async def test_where_no_zygote_listens_opening_fails(tmp_path: Path) -> None:
    """The agent's start fails with it."""
    with pytest.raises(OSError, match="No such file"):
        async with yard(str(tmp_path / "none.sock")):
            pass


async def test_a_zygote_that_dies_is_told_once() -> None:
    """Who waits for a fork hears of it; orders to it are harmless from then on."""
    async with yard() as y:
        await y.fork("a")
        assert y.zygote._process is not None
        os.kill(y.zygote._process.pid, signal.SIGSTOP)
        waiting = asyncio.get_running_loop().create_task(y.fork("b"))
        await eventually(lambda: y.zygote._forked)
        os.kill(y.zygote._process.pid, signal.SIGKILL)
        y.zygote.kill("a", signal.SIGKILL)
        with pytest.raises(ConnectionResetError):
            await waiting
        await eventually(lambda: y.lost == 1)
        y.zygote.kill("a", signal.SIGKILL)
        with pytest.raises(ConnectionResetError):
            await y.fork("c")
        assert y.lost == 1


async def test_a_zygote_that_cannot_fork_says_why(tmp_path: Path) -> None:
    """And goes on: so does the agent's connection to it."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            token = json.loads(line)["fork"]
            answer = json.dumps({"failed": token, "error": "fork: Cannot allocate memory"})
            # In two pieces: an answer may come in any.
            writer.write(answer[:10].encode())
            await writer.drain()
            writer.write(answer[10:].encode() + b"\n")
        writer.close()

    path = str(tmp_path / "z.sock")
    server = await asyncio.start_unix_server(refuse, path)
    async with server, yard(path) as y:
        for token in ("a", "b"):
            with pytest.raises(OSError, match="cannot fork a runner: fork: Cannot allocate"):
                await y.fork(token)
        assert y.lost == 0
