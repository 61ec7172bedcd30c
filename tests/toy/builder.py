"""A builder of images that only writes down what it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fnq.v1 import spec_pb2
from fnq_server.image.seam import Image, Say
from fnq_wire.error import ImageBuildError
from fnq_wire.option import EXACT, IMAGE_PYTHON

__all__ = ["Builder"]


class Builder:
    """Writes down what it built."""

    active: frozenset[str] = frozenset({"image"})

    def __init__(self) -> None:
        self.built_steps: list[list[str]] = []

    async def built(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> str | None:
        """Return a name for whatever image."""
        return "environment:/e"

    async def remarks(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> Sequence[str]:
        """Return what is to be told of an image; one with another Python is not exact."""
        if steps[0].verb == "old" and options.get(IMAGE_PYTHON) == EXACT:
            raise ImageBuildError("it asks for exactly another Python")
        return ["has another Python"] if steps[0].verb == "old" else []

    async def tidy(self, images: Sequence[Image]) -> None:
        """Let nothing go."""

    async def build(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str], say: Say
    ) -> str:
        """Say the steps; refuse to go wrong but for a step that is to."""
        for number, step in enumerate(steps, 1):
            say(f"step {number}/{len(steps)} {step.verb}", "")
            say(f"step {number}/{len(steps)} {step.verb}", "a line")
            if step.verb == "break":
                problem = ImageBuildError("step 1/1 break failed")
                problem.add_note("last words")
                raise problem
        self.built_steps.append([step.verb for step in steps])
        return "environment:/e"
