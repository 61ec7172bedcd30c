"""Images that were built once and are gone: built again for the calls that need them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from fnq_server.image.seam import Builder
from fnq_wire.error import FnqError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Rebuilds"]

#: Seconds until a build that failed is tried again: first, and at most.
_FIRST_S, _MOST_S = 5.0, 300.0
_log = structlog.get_logger()


@dataclass(slots=True)
class _Rebuild:
    """One build, as those who wait for it are told in one sentence."""

    text: str = "its image is built"
    #: Loop time at which it may be begun; infinite while it goes on.
    again_at: float = 0.0
    pause_s: float = _FIRST_S


class Rebuilds:
    """Builds in the background; a key is whose they are, and is told of each change.

    Each goes on until it ends, or `stop`.
    """

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._known: dict[tuple[str, str], _Rebuild] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(
        self,
        key: tuple[str, str],
        steps: Sequence[spec_pb2.ImageStep],
        options: Mapping[str, str],
        changed: Callable[[], None],
    ) -> str:
        """See to it that an image is built; return a sentence of how far that is.

        One that failed is begun again after a while. `changed` is called when the
        sentence is another one, and when the image is there.
        """
        loop = asyncio.get_running_loop()
        known = self._known.setdefault(key, _Rebuild())
        if loop.time() >= known.again_at:
            known.again_at = float("inf")
            task = loop.create_task(self._run(key, known, steps, options, changed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return known.text

    async def _run(
        self,
        key: tuple[str, str],
        known: _Rebuild,
        steps: Sequence[spec_pb2.ImageStep],
        options: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        def say(step: str, output: str) -> None:
            if not output:
                known.text = f"its image is built: {step}"
                changed()

        try:
            await self._builder.build(steps, options, say)
        except FnqError as problem:
            reason = str(problem).partition("\n")[0]
            _log.warning("an image cannot be built again", version=key[1], reason=reason)
            known.text = f"its image cannot be built: {reason}"
            known.again_at = asyncio.get_running_loop().time() + known.pause_s
            known.pause_s = min(_MOST_S, known.pause_s * 2)
        else:
            del self._known[key]
        changed()

    async def stop(self) -> None:
        """End those that go on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
