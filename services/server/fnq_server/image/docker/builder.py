"""The builder that has a Docker engine: each image is built once, and then found by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fnq_server.image.additions import added
from fnq_server.image.docker.context import pack
from fnq_server.image.docker.dockerfile import FOLDERS, TEXTS, Line, Recipe, recipe
from fnq_server.image.docker.door import DockerDoor, RefusedError
from fnq_server.image.docker.layer import TITLE, Layer
from fnq_server.image.docker.transcript import Transcript
from fnq_server.image.seam import Files, Image, Say
from fnq_server.image.shared import Shared
from fnq_wire.archive import Member
from fnq_wire.contained import PREFIX
from fnq_wire.error import ImageBuildError, StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["DockerBuilder"]

#: Name of all images, below the prefix of a registry where there is one.
_NAME = "fnq-image"
#: Digits of the hash that is an image's tag.
_DIGITS = 32
#: Label of every image: its hash.
_LABEL = "fnq.image"


class DockerBuilder:
    """Builds with the engine that DOCKER_HOST names, and pushes to `registry`, if any.

    `registry` is host:port/prefix; an image is then named by the digest that it has there.
    `layer` is what is added to each.
    """

    active: frozenset[str] = frozenset({"image"})

    def __init__(
        self,
        files: Files,
        registry: str = "",
        door: DockerDoor | None = None,
        layer: Layer | None = None,
    ) -> None:
        self._files = files
        self._layer = layer or Layer()
        self._door = door or DockerDoor()
        self._is_pushed = bool(registry)
        self._repository = f"{registry.rstrip('/')}/{_NAME}" if registry else _NAME
        self._shared = Shared()
        #: What was found, by tag: a digest stays what it is.
        self._found: dict[str, str] = {}

    async def built(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> str | None:
        """Return "docker:REFERENCE"; None where the image is to be built first."""
        return await self._find(self._tag(recipe(steps)))

    async def remarks(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> Sequence[str]:
        """Return nothing: an image has what it asks for."""
        return ()

    async def tidy(self, images: Sequence[Image]) -> None:
        """Let nothing go: what its engine keeps is for its owner to say."""

    async def build(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str], say: Say
    ) -> str:
        """Build an image and push it, unless it is there, and return "docker:REFERENCE"."""
        how = recipe(steps)
        tag = self._tag(how)
        found = await self._find(tag)
        return found or await self._shared.run(tag, say, lambda all_: self._make(how, tag, all_))

    async def _find(self, tag: str) -> str | None:
        name = f"{self._repository}:{tag}"
        if not self._is_pushed:
            return f"{PREFIX}{name}" if await self._door.image(name) else None
        if tag not in self._found:
            digest = await self._door.published(name)
            if digest is None:
                return None
            self._found[tag] = f"{PREFIX}{self._repository}@{digest}"
        return self._found[tag]

    async def _make(self, how: Recipe, tag: str, say: Say) -> str:
        name = f"{self._repository}:{tag}"
        if await self._door.image(name) is None:
            users = await self._make_users(how, say)
            say(TITLE, "")
            config = await self._config(users)
            text = self._layer.dockerfile(users, str(config.get("User", "")))
            context = pack(text, self._layer.members())
            await self._run(context, Transcript(TITLE, (), say), name, {_LABEL: tag})
        if self._is_pushed:
            await self._push(tag, say)
        found = await self._find(tag)
        if found is None:
            raise StackError(f"the image {name} was built, and is gone")
        return found

    async def _make_users(self, how: Recipe, say: Say) -> str:
        """Build what the user describes; return its id."""
        base = how.base
        say(how.title, "")
        if base:
            await self._fetch(base, how.title, say)
        else:
            start = Transcript(how.title, [Line(how.start, how.title, raw=True)], say)
            base = await self._run(pack(how.start, {}), start)
        members = {f"{TEXTS}/{name}": Member(text.encode()) for name, text in how.texts}
        for digest in how.files:
            members |= await self._added(digest)
        return await self._run(pack(how.text(base), members), Transcript(how.title, how.lines, say))

    async def _added(self, digest: str) -> dict[str, Member]:
        """Return what a step of the user adds, as it lies in the context."""
        folder, found = f"{FOLDERS}/{digest}/", await added(self._files, digest)
        # The folder itself, too: it may be empty.
        return {folder: Member()} | {folder + path: each for path, each in found.items()}

    async def _fetch(self, base: str, title: str, say: Say) -> None:
        """See to it that the engine has the base."""
        if await self._door.image(base) is not None:
            return

        def hear(message: Mapping[str, Any]) -> None:
            # The rest are bars that grow.
            if "status" in message and "progressDetail" not in message:
                say(title, str(message["status"]))

        try:
            await self._door.pull(base, hear)
        except RefusedError as problem:
            raise ImageBuildError(
                f"the base image {base!r} cannot be had: {problem}. "
                "Check its name, and the login of the server's Docker for that registry"
            ) from problem

    async def _run(
        self,
        context: bytes,
        transcript: Transcript,
        name: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> str:
        """Build one Dockerfile; return the id of what comes of it."""
        try:
            await self._door.build(context, name, labels or {}, transcript.hear)
        except RefusedError as problem:
            raise ImageBuildError(transcript.failure(str(problem))) from problem
        return transcript.identity

    async def _config(self, identity: str) -> Mapping[str, Any]:
        found = await self._door.image(identity)
        config: Mapping[str, Any] = (found or {}).get("Config") or {}
        return config

    async def _push(self, tag: str, say: Say) -> None:
        say(f"push {self._repository}", "")
        try:
            await self._door.push(self._repository, tag, lambda message: None)
        except RefusedError as problem:
            raise ImageBuildError(
                f"the image cannot be pushed to {self._repository}: {problem}. "
                "Check --registry, and the login of the server's Docker for it"
            ) from problem

    def _tag(self, how: Recipe) -> str:
        made_of = f"{how.identity} {self._layer.identity}"
        return hashlib.sha256(made_of.encode()).hexdigest()[:_DIGITS]
