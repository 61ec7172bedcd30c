"""What the workers of a version are given besides its spec, found anew at each start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fnq_core.registry import Version
from fnq_server.image.rebuilds import Rebuilds
from fnq_server.image.seam import Builder
from fnq_server.orchestrator.seam import Provision
from fnq_server.secrets.vault import Vault
from fnq_wire.error import ImageBuildError, StackError

__all__ = ["Provisions"]

#: Seconds for which others wait whose workers are started after those with an image.
_ANSWER_S = 20.0


class Provisions:
    """Asks for image and secrets of a version. `builder` is None where images are not built."""

    def __init__(self, builder: Builder | None, vault: Vault) -> None:
        self._builder = builder
        self._vault = vault
        self._rebuilds = None if builder is None else Rebuilds(builder)
        #: Told of a version, by namespace and id, that may be given more than before.
        self.changed: Callable[[str, str], None] = lambda namespace, version: None

    async def of(self, namespace: str, version: Version) -> Provision:
        """Return what the workers of a version are given. Raises StackError while they cannot be.

        That names what is missing, as a sentence for whoever waits.
        """
        try:
            image = await self.image(version)
        except ImageBuildError as problem:
            raise StackError(f"its image cannot be built: {problem}") from problem
        if image is None:
            raise StackError(self._rebuild(namespace, version))
        return Provision(image=image, secrets=await self._vault.of(namespace, version.spec))

    def _rebuild(self, namespace: str, version: Version) -> str:
        """Have an image built that was there once; return how far that is."""
        assert self._rebuilds is not None
        return self._rebuilds.begin(
            (namespace, version.id),
            version.spec.image,
            version.spec.options,
            lambda: self.changed(namespace, version.id),
        )

    async def stop(self) -> None:
        """End builds that go on."""
        if self._rebuilds is not None:
            await self._rebuilds.stop()

    async def image(self, version: Version) -> str | None:
        """Return what an orchestrator knows the image by; None where it is to be built first.

        Raises ImageBuildError where it never can be, and StackError where nobody says.
        """
        if self._builder is None or not version.spec.image:
            return ""
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._builder.built(version.spec.image, version.spec.options)
        except TimeoutError as problem:
            raise StackError(
                f"what makes images has not said in {_ANSWER_S:g} s whether its image is there"
            ) from problem

    async def lacks(self, namespace: str, version: Version) -> list[str]:
        """Return what a deploy would wait for, or fail for, one sentence each."""
        lacks = await self._vault.lacks(namespace, version.spec)
        try:
            image = await self.image(version)
        except ImageBuildError as problem:
            return [*lacks, f"its image cannot be built: {problem}"]
        if image is None:
            lacks.append("its image is not built yet: the deploy builds it")
        return lacks
