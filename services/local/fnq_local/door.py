"""The door of the supervisor: a Unix socket that speaks JSON lines.

One line asks, `{"verb": "ping", ...}`; one line answers, `{"ok": true, ...}` or
`{"ok": false, "error": "...", "never": false}`, where `never` says that it is of no use
to ask again. A connection may carry many such pairs. Who may open the socket may ask
anything: its directory has mode 0700.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any

from fnq_wire.error import StackError, UnschedulableError

__all__ = ["Answer", "Door"]

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

#: Bytes of one line; an `ensure` carries an environment.
_LONGEST = 1 << 20

_log = logging.getLogger(__name__)


class Door:
    """Answers whoever comes; each connection in its own task."""

    def __init__(self, path: str, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._visits: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to answer. Raises StackError when the socket cannot be made."""
        try:
            self._server = await asyncio.start_unix_server(self._visit, self._path, limit=_LONGEST)
        except OSError as problem:
            raise StackError(
                f"cannot listen at {self._path}: {problem.strerror or problem}"
            ) from problem

    def shut(self) -> None:
        """Let nobody in any more; who is inside is still answered. Safe to call twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
            try:
                os.unlink(self._path)
            except FileNotFoundError:
                pass

    async def close(self, grace_s: float) -> None:
        """Give the answers that are ready `grace_s` seconds to be taken, then hang up."""
        self.shut()
        if self._visits:
            await asyncio.wait(self._visits, timeout=grace_s)
        for visit in self._visits:
            visit.cancel()

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            while self._server is not None and (line := await reader.readline()):
                writer.write(json.dumps(await self._reply(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError) as problem:
            _log.info("door: a visitor left in the middle of a line: %s", problem)
        finally:
            self._visits.discard(task)
            writer.close()

    async def _reply(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise StackError(f"expected a JSON object, got {type(request).__name__}")
            return {"ok": True, **await self._answer(request)}
        except (StackError, UnschedulableError) as problem:
            never = isinstance(problem, UnschedulableError)
            return {"ok": False, "error": str(problem), "never": never}
        except ValueError:
            return {"ok": False, "error": "expected one JSON object in a line, got something else"}
