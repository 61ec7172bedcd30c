"""Run the rows of a packed call: each has an outcome of its own, and they go out in blocks."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fnq_runner.depot import Depot
from fnq_runner.fault import GoneError, UnsendableError
from fnq_runner.harvest import BLOCK_S, Harvest
from fnq_runner.host import Host
from fnq_runner.invocation import Interrupted, Invocation
from fnq_runner.pipe import Pipe
from fnq_runner.steps import QuickSteps, Steps, stops
from fnq_wire.column.text import MANY
from fnq_wire.error import SerializationError
from fnq_wire.rows import ATOMS

if TYPE_CHECKING:
    from fnq_wire.arrow import Codec
    from fnq_wire.rows import Row

__all__ = ["Packed", "lists_of"]

#: Most rows between two looks at the clock, and seconds between them that are too many.
_STRIDE, _COARSE_S = 64, 0.001


class Packed:
    """Run packed calls of one function; a generator function gives it `lists_of` itself.

    `concurrency` is how many rows of an async function run at once, at each depth of
    nesting: a row may wait for deeper ones.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        codec: Codec,
        name: str,
        concurrency: int,
        pipe: Pipe,
        host: Host,
        depot: Depot,
    ) -> None:
        self._function = function
        self._codec = codec
        self._name = name
        self._concurrency = concurrency
        self._pipe = pipe
        self._host = host
        self._depot = depot
        #: Whether it declares results of a type whose values never change.
        self._quick = getattr(codec.result.kinds[0], "python", None) in ATOMS
        self._gates: dict[int, asyncio.Semaphore] = {}

    def run(self, invocation: Invocation) -> None:
        """Run the rows of a sync function one by one; raises what ends the whole run.

        The last block is posted, whatever ends the run.
        """
        harvest = self._harvest(invocation)
        steps: Steps | QuickSteps | None = None
        try:
            steps = self._steps(invocation, harvest)
            self._run_all(invocation, harvest, steps)
        finally:
            if steps is not None and not invocation.ended:
                steps.look()
            harvest.finish()

    def _run_all(self, invocation: Invocation, harvest: Harvest, steps: Steps | QuickSteps) -> None:
        stride, last = 1, time.monotonic()
        while steps.run(stride):
            if invocation.cancelled or invocation.ended:
                raise Interrupted(invocation.reason)
            now = time.monotonic()
            fine = now - last < _COARSE_S and not invocation.careful
            stride = min(2 * stride, _STRIDE) if fine else 1
            last = now
            if harvest.due(now):
                steps.look()
                harvest.send()

    def _steps(self, invocation: Invocation, harvest: Harvest) -> Steps | QuickSteps:
        """Return what runs the rows, some at a time."""
        rows, first = self._codec.rows, invocation.position
        with self._open(invocation) as payload:
            if self._quick and invocation.rows > 1:
                columns = rows.stream_arguments(payload, first)
                if columns is not None:
                    if invocation.rows - first >= MANY:
                        harvest.grow()
                    return QuickSteps(invocation, harvest, self._function, columns)
            found = rows.decode_arguments(payload, first)
            return Steps(invocation, harvest, self._function, found)

    async def run_async(self, invocation: Invocation) -> None:
        """Run the rows of an async function together; raises what ends the whole run."""
        harvest = self._harvest(invocation)
        with self._open(invocation) as payload:
            rows = self._codec.rows.decode_arguments(payload, invocation.position)
        try:
            if invocation.rows == 1 or invocation.careful:
                await self._run_each(invocation, harvest, rows)
            else:
                await self._run_together(invocation, _Ripe(invocation, harvest), rows)
        finally:
            harvest.finish()

    async def _run_each(
        self, invocation: Invocation, harvest: Harvest, rows: Iterator[Row]
    ) -> None:
        for args, kwargs in rows:
            try:
                value = harvest.kept(await self._function(*args, **kwargs))
            except BaseException as problem:
                if stops(invocation, problem):
                    raise
                harvest.fail(problem)
            else:
                harvest.add(value)
            harvest.send()

    async def _run_together(self, invocation: Invocation, ripe: _Ripe, rows: Iterator[Row]) -> None:
        depth, row = invocation.depth, invocation.position
        gate = self._gates.setdefault(depth, asyncio.Semaphore(self._concurrency))
        try:
            async with asyncio.TaskGroup() as group:
                for args, kwargs in rows:
                    await gate.acquire()
                    task = group.create_task(self._run_row(ripe, row, args, kwargs))
                    # Not in the task: one that is cancelled early runs nothing of its own.
                    task.add_done_callback(lambda _: gate.release())
                    row += 1
        finally:
            ripe.stop()

    async def _run_row(
        self, ripe: _Ripe, row: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        try:
            value = ripe.harvest.kept(await self._function(*args, **kwargs))
        except BaseException as problem:
            if not stops(ripe.invocation, problem):
                ripe.put(row, None, problem)
        else:
            ripe.put(row, value, None)

    def _harvest(self, invocation: Invocation) -> Harvest:
        rows = self._codec.rows
        return Harvest(invocation, rows, self._name, self._depot, self._pipe, self._host)

    @contextlib.contextmanager
    def _open(self, invocation: Invocation) -> Iterator[bytes | memoryview]:
        """Give the payload to what reads it; what goes wrong then is the arguments' fault."""
        try:
            yield self._depot.view(invocation.take_payload())
        except OSError as problem:
            raise GoneError(problem) from problem
        except SerializationError as problem:
            raise UnsendableError(f"the arguments of {self._name!r}: {problem}") from problem


class _Ripe:
    """Outcomes of rows that ran together, put back into their order."""

    def __init__(self, invocation: Invocation, harvest: Harvest) -> None:
        self.invocation = invocation
        self.harvest = harvest
        self._early: dict[int, tuple[Any, BaseException | None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def put(self, row: int, value: Any, problem: BaseException | None) -> None:
        """Take the outcome of a row; a block goes out soon."""
        self._early[row] = value, problem
        while (found := self._early.pop(self.harvest.row, None)) is not None:
            value, problem = found
            if problem is None:
                self.harvest.add(value)
            else:
                self.harvest.fail(problem)
        if self._timer is None and self.harvest.pending:
            self._timer = asyncio.get_running_loop().call_later(BLOCK_S, self._send)

    def stop(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        self._timer = None
        if self.harvest.pending and not self.invocation.ended:
            self.harvest.send()


def lists_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what calls a generator function, sync or async, and returns all that it yields."""
    if inspect.isasyncgenfunction(inspect.unwrap(function)):

        async def collect(*args: Any, **kwargs: Any) -> list[Any]:
            async with contextlib.aclosing(function(*args, **kwargs)) as stream:
                return [value async for value in stream]

        return collect

    def listed(*args: Any, **kwargs: Any) -> list[Any]:
        return list(function(*args, **kwargs))

    return listed
