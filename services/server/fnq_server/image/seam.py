"""The seam between the server and what makes images: environments, or a Docker engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Builder", "Files", "Image", "Say"]

#: Takes one sentence that names the step, as "step 2/3 pip install cowsay==6.1", and a
#: line of its output; "" where the step begins.
Say = Callable[[str, str], None]
#: Returns the zip of what an image adds, by its hash; None where it is gone.
Files = Callable[[str], Awaitable[bytes | None]]
#: Steps and options of an image that a version refers to.
Image: TypeAlias = "tuple[Sequence[spec_pb2.ImageStep], Mapping[str, str]]"


class Builder(Protocol):
    """Makes images. What was built from equal steps is there already."""

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect through it: "image"."""
        ...

    async def built(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> str | None:
        """Return what an orchestrator knows the image by; None where it is to be built first."""
        ...

    async def remarks(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> Sequence[str]:
        """Return a sentence for each thing that the image has otherwise than it asks for."""
        ...

    async def tidy(self, images: Sequence[Image]) -> None:
        """Let go of what is not whole, and of what nobody refers to or has used for long.

        `images` are those that any version refers to.
        """
        ...

    async def build(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str], say: Say
    ) -> str:
        """Build an image, unless it is there, and return what an orchestrator knows it by.

        Two who want the same one wait for one build, and both hear of it. Raises
        ImageBuildError that shows the step which failed and the last lines it printed.
        """
        ...
