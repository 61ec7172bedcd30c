"""Step the coroutines of the user's loop inside greenlets.

A call without `await` in a coroutine, or in a function that it calls, must wait
without stopping the loop. So each step of a task runs in a greenlet: a bare call
switches out of it and gives the task a future, as an `await` would have done, and
the loop goes on. A greenlet is needed only during a step and while a bare call
waits; between steps it serves other tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

from fnq_runner.strand import Strand, running, strand

__all__ = ["Stepper", "Steps", "park"]

#: Idle greenlets kept: a new one costs twenty times what a switch costs.
_SPARE = 256


class _Walker:
    """A greenlet that runs steps, one after another; `caller` gets what each yields."""

    __slots__ = ("caller", "stepper", "strand", "work")

    def __init__(self, walk: Callable[[_Walker], Any]) -> None:
        self.strand = strand(lambda: walk(self))
        # By it the running code finds whose step it is in.
        vars(self.strand)["walker"] = self
        self.caller: Strand
        self.stepper: Stepper | None = None
        self.work: tuple[Callable[..., Any], tuple[Any, ...]]


class Steps:
    """The greenlets of one loop's thread."""

    def __init__(self) -> None:
        self._spare: list[_Walker] = []

    def task(
        self, loop: asyncio.AbstractEventLoop, coro: Any, /, **options: Any
    ) -> asyncio.Task[Any]:
        """Make a task whose steps run in greenlets; the loop's task factory."""
        return asyncio.Task(Stepper(self, coro), loop=loop, **options)

    def hire(self) -> _Walker:
        """Return an idle greenlet."""
        return self._spare.pop() if self._spare else _Walker(self._walk)

    def _walk(self, walker: _Walker) -> Any:
        outcome: list[tuple[BaseException | None, Any]]
        while True:
            method, arguments = walker.work
            try:
                # In a list, and taken out of it below: an idle greenlet keeps alive
                # neither an exception nor a result.
                outcome = [(None, method(*arguments))]
            except BaseException as problem:
                outcome = [(problem, None)]
            del method, arguments, walker.work
            walker.stepper = None
            if len(self._spare) >= _SPARE:
                walker.strand.parent = walker.caller
                return outcome.pop()
            self._spare.append(walker)
            walker.caller.switch(outcome.pop())


class Stepper(Coroutine[Any, Any, Any]):
    """A coroutine that runs another one, each step in a greenlet."""

    __slots__ = ("__weakref__", "_coro", "_parked", "_steps", "_walker")

    def __init__(self, steps: Steps, coro: Coroutine[Any, Any, Any]) -> None:
        self._steps = steps
        self._coro = coro
        #: The greenlet that waits in a bare call, and the walker that it belongs to.
        self._parked: Strand | None = None
        self._walker: _Walker | None = None

    def __getattr__(self, name: str) -> Any:
        # For people and debuggers: cr_frame, cr_code, __qualname__.
        return getattr(self._coro, name)

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self._coro.__await__())

    def send(self, value: Any) -> Any:
        if self._parked is not None:
            return self._resume(None)
        return self._step(self._coro.send, (value,))

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        if self._parked is not None:
            return self._resume(_instance(typ, val, tb))
        if val is None and tb is None:
            return self._step(self._coro.throw, (typ,))
        return self._step(self._coro.throw, (_instance(typ, val, tb),))

    def close(self) -> None:
        if self._parked is None:
            self._coro.close()
            return
        try:
            self._resume(GeneratorExit())
        except (GeneratorExit, StopIteration):
            return
        raise RuntimeError("coroutine ignored GeneratorExit")

    def park(self, waiting: Strand, walker: _Walker, future: asyncio.Future[Any]) -> None:
        """Give the task `future`; return when the task goes on. Raises what it throws."""
        self._parked, self._walker = waiting, walker
        # What `await future` would yield: the future, marked as awaited.
        problem = walker.caller.switch((None, next(future.__await__())))
        if problem is not None:
            raise problem

    def _step(self, method: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        walker = self._steps.hire()
        walker.work = (method, arguments)
        walker.stepper = self
        # The context of the task, which the greenlet would not have of itself.
        walker.strand.gr_context = running().gr_context
        return self._enter(walker, walker.strand)

    def _resume(self, problem: BaseException | None) -> Any:
        parked, walker = self._parked, self._walker
        assert parked is not None
        assert walker is not None
        self._parked = self._walker = None
        return self._enter(walker, parked, problem)

    def _enter(self, walker: _Walker, target: Strand, *sent: Any) -> Any:
        """Run in `target` until the step is over; return or raise what it ended with."""
        walker.caller = running()
        problem, yielded = target.switch(*sent)
        if problem is None:
            return yielded
        try:
            raise problem
        finally:
            del problem


def park() -> Callable[[asyncio.Future[Any]], None] | None:
    """Return how the running code can wait for a future; None outside of any step."""
    waiting = running()
    here: Strand | None = waiting
    while here is not None:
        walker: _Walker | None = vars(here).get("walker")
        if walker is not None and walker.stepper is not None:
            return partial(walker.stepper.park, waiting, walker)
        here = here.parent
    return None


def _instance(typ: Any, val: Any, tb: Any) -> BaseException:
    """Return the exception that the three arguments of an old `throw` stand for."""
    problem = val if isinstance(val, BaseException) else typ
    if isinstance(problem, type):
        problem = problem() if val is None else problem(val)
    assert isinstance(problem, BaseException)
    return problem.with_traceback(tb) if tb is not None else problem
