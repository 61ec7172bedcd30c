"""Who wants the same image waits for one build, and hears of it."""

from __future__ import annotations

import asyncio

import pytest

from fnq_server.image.seam import Say
from fnq_server.image.shared import Shared
from tests.loop import eventually


class House:
    """A build that goes on until it is told to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.end = asyncio.Event()
        self.shared = Shared()

    async def build(self, say: Say) -> str:
        """Say a step and a line, then wait."""
        self.begun += 1
        say("step 1/1 x", "")
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        say("step 1/1 x", "done")
        return "made"

    def want(self, said: list[tuple[str, ...]]) -> asyncio.Task[str]:
        """Ask for it."""
        run = self.shared.run("x", lambda *words: said.append(words), self.build)
        return asyncio.ensure_future(run)


async def test_two_have_one_build() -> None:
    """The second hears of the step that it is at, and of all that follows."""
    house, first, second = House(), list[tuple[str, ...]](), list[tuple[str, ...]]()
    one = house.want(first)
    await eventually(lambda: first)
    two = house.want(second)
    await eventually(lambda: second)
    house.end.set()
    assert [*await asyncio.gather(one, two)] == ["made", "made"]
    assert second == first
    assert first == [("step 1/1 x", ""), ("step 1/1 x", "done")]
    assert house.begun == 1
    assert await house.want([]) == "made"
    assert house.begun == 2


async def test_a_build_goes_on_for_whoever_is_left() -> None:
    """Only with the last who waits it is given up, and the next begins another."""
    house = House()
    one, two = house.want([]), house.want([])
    await eventually(lambda: house.begun)
    one.cancel()
    await asyncio.wait({one})
    assert not house.cancelled
    two.cancel()
    await asyncio.wait({two})
    await eventually(lambda: house.cancelled)
    three = house.want([])
    house.end.set()
    assert await three == "made"
    assert house.begun == 2


async def test_a_failure_is_everybodys() -> None:
    """And is not kept."""
    shared = Shared()

    async def fail(say: Say) -> str:
        raise ValueError("no space")

    both = [asyncio.ensure_future(shared.run("x", lambda *_: None, fail)) for _ in range(2)]
    for each in both:
        with pytest.raises(ValueError, match="no space"):
            await each
