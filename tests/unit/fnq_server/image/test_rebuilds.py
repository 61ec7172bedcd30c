"""Images that are gone, built again for calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from fnq.v1 import spec_pb2
from fnq_core.registry import Version
from fnq_server import provisions as provisions_module
from fnq_server.image.seam import Image, Say
from fnq_server.provisions import Provisions
from fnq_wire.error import ImageBuildError, StackError
from tests.loop import eventually
from tests.toy.secrets import NO_SECRETS


class Slow:
    """A builder whose builds end when they are told to."""

    active = frozenset({"image"})

    def __init__(self) -> None:
        self.begun = 0
        self.found: str | None = None
        self.gate: asyncio.Queue[Exception | None] = asyncio.Queue()

    async def built(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> str | None:
        """Return what was built."""
        if steps[0].verb == "bad":
            raise ImageBuildError("no such base")
        return self.found

    async def build(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str], say: Say
    ) -> str:
        """Say a step, and wait."""
        self.begun += 1
        say("step 2/3 pip install cowsay", "")
        say("step 2/3 pip install cowsay", "a line")
        problem = await self.gate.get()
        if problem is not None:
            raise problem
        self.found = "environment:/e"
        return self.found

    async def remarks(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> list[str]:
        """Return nothing."""
        return []

    async def tidy(self, images: Sequence[Image]) -> None:
        """Let nothing go."""


def version(verb: str = "base") -> Version:
    """Return a version with an image."""
    spec = spec_pb2.FunctionSpec(name="f", image=[spec_pb2.ImageStep(verb=verb)])
    return Version("v1", 1, spec, created_ms=0)


async def test_a_version_whose_image_is_gone_waits_for_its_build() -> None:
    """Begun once, told step by step; whoever waits is told when it is there."""
    builder, told = Slow(), list[tuple[str, str]]()
    provisions = Provisions(builder, NO_SECRETS)
    provisions.changed = lambda namespace, version: told.append((namespace, version))
    for _ in range(2):
        with pytest.raises(StackError, match="its image is built"):
            await provisions.of("default", version())
    await eventually(lambda: len(told) == 1)
    with pytest.raises(StackError, match="its image is built: step 2/3 pip install cowsay"):
        await provisions.of("default", version())
    builder.gate.put_nowait(None)
    await eventually(lambda: told == [("default", "v1")] * 2)
    assert (await provisions.of("default", version())).image == "environment:/e"
    assert builder.begun == 1
    await provisions.stop()


async def test_a_build_that_fails_is_tried_again_after_a_while() -> None:
    """Until then whoever waits is told the step that failed."""
    builder = Slow()
    provisions = Provisions(builder, NO_SECRETS)
    for problem in (ImageBuildError("step 2/3 failed\nlast line"), None):
        builder.gate.put_nowait(problem)
    with pytest.raises(StackError):
        await provisions.of("default", version())

    async def sentence() -> str:
        try:
            return (await provisions.of("default", version())).image
        except StackError as problem:
            return str(problem)

    async def said(text: str) -> None:
        async with asyncio.timeout(10):
            while await sentence() != text:  # noqa: ASYNC110 - nobody tells of a sentence
                await asyncio.sleep(0.001)

    await said("its image cannot be built: step 2/3 failed")
    assert builder.begun == 1
    [known] = provisions._rebuilds._known.values() if provisions._rebuilds else []
    known.again_at = 0.0
    await said("environment:/e")
    assert builder.begun == 2
    await provisions.stop()


async def test_builds_end_with_their_server() -> None:
    """They are cancelled."""
    builder = Slow()
    provisions = Provisions(builder, NO_SECRETS)
    with pytest.raises(StackError):
        await provisions.of("default", version())
    await eventually(lambda: builder.begun == 1)
    await provisions.stop()
    assert builder.gate.empty()


async def test_an_image_that_can_never_be_is_told_as_such() -> None:
    """To whoever waits, and to whoever plans a deploy."""
    provisions = Provisions(Slow(), NO_SECRETS)
    with pytest.raises(StackError, match="its image cannot be built: no such base"):
        await provisions.of("default", version("bad"))
    assert await provisions.lacks("default", version("bad")) == [
        "its image cannot be built: no such base"
    ]
    assert await provisions.lacks("default", version()) == [
        "its image is not built yet: the deploy builds it"
    ]


async def test_a_builder_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers of other functions are started one after the other with those of this one."""
    monkeypatch.setattr(provisions_module, "_ANSWER_S", 0.01)

    class Stuck(Slow):
        async def built(
            self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
        ) -> str | None:
            await asyncio.Event().wait()
            return None

    provisions = Provisions(Stuck(), NO_SECRETS)
    with pytest.raises(StackError, match=r"not said in 0.01 s whether its image is there"):
        await asyncio.wait_for(provisions.of("default", version()), 10)
