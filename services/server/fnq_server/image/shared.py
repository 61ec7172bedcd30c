"""Builds that several wait for: each is done once, and all of them hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fnq_server.image.seam import Say

__all__ = ["Shared"]


class Shared:
    """The builds that go on in this server, by what they make."""

    def __init__(self) -> None:
        self._going: dict[str, _Build] = {}

    async def run(self, key: str, say: Say, build: Callable[[Say], Awaitable[str]]) -> str:
        """Return what the build named `key` gives; it is begun unless it goes on.

        `say` hears of it from here on, and of the step that it is at. When the last who
        waits is cancelled, so is the build.
        """
        going = self._going.get(key)
        if going is None:
            going = self._going[key] = _Build(build)
            going.task.add_done_callback(lambda _: self._forget(key, going))
        going.join(say)
        try:
            return await asyncio.shield(going.task)
        finally:
            if going.leave(say):
                self._forget(key, going)

    def _forget(self, key: str, build: _Build) -> None:
        if self._going.get(key) is build:
            del self._going[key]


class _Build:
    """One build and those who hear of it."""

    def __init__(self, build: Callable[[Say], Awaitable[str]]) -> None:
        self._hearers: list[Say] = []
        self._step = ""
        self.task = asyncio.ensure_future(build(self._say))

    def _say(self, step: str, line: str) -> None:
        self._step = step
        for say in tuple(self._hearers):
            say(step, line)

    def join(self, say: Say) -> None:
        self._hearers.append(say)
        if self._step:
            say(self._step, "")

    def leave(self, say: Say) -> bool:
        """Let one go; return whether the build was given up since it was the last."""
        self._hearers.remove(say)
        if self._hearers or self.task.done():
            return False
        return self.task.cancel()
