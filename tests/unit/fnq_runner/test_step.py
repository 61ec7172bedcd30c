"""Coroutines stepped inside greenlets: they are as they were, and can be suspended anywhere."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from fnq_runner import step
from fnq_runner.strand import running, strand


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine on a loop whose tasks are stepped."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_task_factory(step.Steps().task)
        return runner.run(main())


def bare(delay: float = 0, value: object = 1) -> object:
    """Wait without `await` for a future that has its value after `delay` seconds."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[object] = loop.create_future()
    timer = loop.call_later(delay, future.set_result, value)
    park = step.park()
    assert park is not None
    try:
        park(future)
    finally:
        timer.cancel()
    return future.result()


def test_code_without_await_is_suspended() -> None:
    """Ten tasks that wait without `await` wait together."""

    async def one(number: int) -> object:
        return bare(0.05, number)

    async def main() -> list[object]:
        before = asyncio.get_running_loop().time()
        found = await asyncio.gather(*map(one, range(10)))
        assert asyncio.get_running_loop().time() - before < 0.4
        return found

    assert run(main) == list(range(10))


def test_outside_of_a_step_there_is_nothing_to_suspend() -> None:
    """In plain code, and in a callback of the loop, park() is None."""
    seen: list[object] = [step.park()]

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: seen.append(step.park()))
        await asyncio.sleep(0)

    run(main)
    assert seen == [None, None]


def test_a_task_keeps_its_context_over_a_bare_wait() -> None:
    """Context variables of one task are its own, set before, in and after a bare call."""
    variable = contextvars.ContextVar("variable", default=0)

    def helper(number: int) -> None:
        assert variable.get() == number
        bare()
        assert variable.get() == number
        variable.set(number + 100)

    async def one(number: int) -> int:
        variable.set(number)
        helper(number)
        await asyncio.sleep(0)
        return variable.get()

    async def main() -> list[int]:
        found = await asyncio.gather(*map(one, range(5)))
        assert variable.get() == 0
        return found

    assert run(main) == [100, 101, 102, 103, 104]


def test_cancellation_reaches_a_bare_wait() -> None:
    """CancelledError is raised where the code waits; `finally` runs; the task is cancelled."""
    seen: list[str] = []

    async def one() -> None:
        try:
            bare(1000)
        except asyncio.CancelledError:
            seen.append("cancelled")
            await asyncio.sleep(0)
            bare()
            raise
        finally:
            seen.append("finally")

    async def main() -> bool:
        task = asyncio.create_task(one())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main)
    assert seen == ["cancelled", "finally"]


def test_timeouts_and_groups_work_over_bare_waits() -> None:
    """asyncio.timeout ends one; a TaskGroup cancels the siblings of one that fails."""
    seen: list[str] = []

    async def stuck() -> None:
        try:
            bare(1000)
        except asyncio.CancelledError:
            seen.append("sibling")
            raise

    async def waits() -> None:
        bare(1000)

    async def grouped() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(stuck())
            group.create_task(broken())

    async def broken() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waits(), 0.01)
        with pytest.raises(ExceptionGroup):
            await grouped()

    run(main)
    assert seen == ["sibling"]


def test_async_generators_and_comprehensions_work() -> None:
    """A bare wait in the body of an async generator suspends the task that reads it."""

    async def numbers() -> AsyncIterator[object]:
        for number in range(3):
            yield bare(0, number)
            await asyncio.sleep(0)

    async def main() -> list[object]:
        return [x async for x in numbers()]

    assert run(main) == [0, 1, 2]


def test_a_bare_wait_within_a_greenlet_of_the_users_works() -> None:
    """Libraries that switch greenlets themselves may be between the step and the call."""

    async def main() -> object:
        inner = strand(lambda: bare(0, "found"))
        return inner.switch()

    assert run(main) == "found"


def test_what_a_task_shows_of_its_coroutine_is_the_users() -> None:
    """Names, frames and the current task are those of the user's coroutine."""

    async def one() -> asyncio.Task[Any] | None:
        bare()
        return asyncio.current_task()

    async def main() -> None:
        task = asyncio.create_task(one())
        assert "one" in repr(task)
        coro: Any = task.get_coro()
        assert coro.cr_code is one.__code__
        assert task.get_stack()[0].f_code is one.__code__
        assert await task is task

    run(main)


def test_a_coroutine_that_waits_can_be_closed() -> None:
    """close() raises GeneratorExit where it waits; one that goes on all the same is an error."""
    closed: list[str] = []

    async def waits() -> None:
        try:
            bare(1000)
        finally:
            closed.append("closed")

    async def ignores() -> None:
        for _ in range(2):
            try:
                bare(1000)
            except GeneratorExit:
                continue

    async def main() -> None:
        steps = step.Steps()
        stepper = step.Stepper(steps, waits())
        stepper.send(None)
        stepper.close()
        stubborn = step.Stepper(steps, ignores())
        stubborn.send(None)
        with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
            stubborn.close()
        stubborn.close()

    run(main)
    assert closed == ["closed"]


def test_an_exception_passes_through_the_steps_unchanged() -> None:
    """Type, text and traceback are those of the user's code."""

    async def one() -> None:
        bare()
        raise ValueError("mine")

    async def main() -> None:
        await asyncio.create_task(one())

    with pytest.raises(ValueError, match="mine") as caught:
        run(main)
    assert "one" in [entry.name for entry in caught.traceback]


def test_greenlets_are_few_where_tasks_are_many() -> None:
    """A thousand tasks that wait by `await` share one greenlet."""
    seen: set[int] = set()

    async def one() -> None:
        for _ in range(3):
            seen.add(id(running()))
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(one() for _ in range(1000)))

    run(main)
    assert len(seen) <= 2
