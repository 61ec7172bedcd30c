"""Commands of a build: run one after the other, their output line by line."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fnq_server.image.environments import survivors
from fnq_server.image.environments.sealed import ORDER, UNSEALED
from fnq_server.image.lines import Lines, shown

__all__ = ["Order", "run", "why_unsealed"]

#: Seconds between two looks whether a command has ended.
_LOOK_S = 0.02
#: What a shell says of a command that is not there.
_NOT_FOUND = 127
#: Bytes read at once, and seconds between two readings: who prints more waits.
_CHUNK, _PAUSE_S = 65_536, 0.005


@dataclass(frozen=True, slots=True)
class Order:
    """A command, its directory and variables, and where it may write; see `sealed`."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str] = field(repr=False)
    tmp: str
    writable: Sequence[str] = ()
    readable: Sequence[str] = ()
    mounts: Sequence[tuple[str, str, str]] = ()


async def run(order: Order, home: str, heard: Callable[[str], None], *, sealed: bool) -> int:
    """Run a command to its end; return its exit code, negative for a signal.

    `home` is the environment that it is for. When it has ended, or this is cancelled, all
    that it started is killed.
    """
    argv, env = order.argv, {**order.env, survivors.MARK: home}
    if sealed:
        argv = [sys.executable, "-P", "-m", "fnq_server.image.environments.sealed"]
        # It is a process of fnq's own until it becomes the command.
        env = {**os.environ, survivors.MARK: home, ORDER: _text(order, env)}
    output, theirs = os.pipe()
    reading = asyncio.ensure_future(_read(output, heard))
    try:
        # Not by the loop: that forks, and gRPC's threads make a fork of a server die.
        process = subprocess.Popen(  # noqa: ASYNC220 - it takes no longer than a fork
            argv,
            cwd="/" if sealed else order.cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    except OSError as problem:
        heard(f"{argv[0]}: {problem.strerror}")
        return _NOT_FOUND
    finally:
        os.close(theirs)
    try:
        while process.poll() is None:  # noqa: ASYNC110 - the kernel rings no bell
            await asyncio.sleep(_LOOK_S)
        return process.returncode
    finally:
        await asyncio.to_thread(_end, process, home)
        # What it has left running had the other end, too.
        await asyncio.wait({reading})


def _end(process: subprocess.Popen[bytes], home: str) -> None:
    """Kill a command that has not ended, and what it has left running."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    survivors.end(home)


async def _read(pipe: int, heard: Callable[[str], None]) -> None:
    """Pass on what comes through a pipe, line by line, until its other end is closed."""
    reader, lines = asyncio.StreamReader(), Lines()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
    )
    try:
        while data := await reader.read(_CHUNK):
            _pass_on(lines.feed(decoder.decode(data)), heard)
            await asyncio.sleep(_PAUSE_S)
        _pass_on(lines.end(), heard)
    finally:
        transport.close()


def _pass_on(lines: Iterable[str], heard: Callable[[str], None]) -> None:
    for line in filter(None, map(shown, lines)):
        heard(line)


def _text(order: Order, env: Mapping[str, str]) -> str:
    return json.dumps(
        {
            "env": dict(env),
            "argv": list(order.argv),
            "cwd": order.cwd,
            "tmp": order.tmp,
            "writable": list(order.writable),
            "readable": list(order.readable),
            "mounts": list(order.mounts),
        }
    )


async def why_unsealed(folder: str) -> str:
    """Return why this machine cannot seal a command in `folder`; "" where it can."""
    said: list[str] = []
    order = Order(["true"], "/", dict(os.environ), tmp=folder, writable=[folder])
    code = await run(order, folder, said.append, sealed=True)
    return said[-1] if code == UNSEALED and said else ""
