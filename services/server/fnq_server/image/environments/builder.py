"""The builder that needs no Docker: a virtual environment for each image."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog

from fnq_server.image import runtime
from fnq_server.image.environments import index, python, shell
from fnq_server.image.environments.build import Build, Means
from fnq_server.image.environments.python import Choice
from fnq_server.image.environments.recipe import Recipe, read
from fnq_server.image.environments.room import Room
from fnq_server.image.seam import Files, Image, Say
from fnq_server.image.shared import Shared
from fnq_wire.environment import Environment
from fnq_wire.error import ImageBuildError
from fnq_wire.option import EXACT, IMAGE_PYTHON

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["UNUSED_S", "Environments"]

#: Seconds after which an environment goes that no version refers to and nobody has used.
UNUSED_S = 7 * 86_400.0
#: Seconds after which what is copied has been broken off.
_BROKEN_OFF_S = 3_600.0
#: Seconds for which it is remembered which Pythons this machine has.
_FRESH_S = 60.0
#: What commands of a build see of the server's variables; the rest may be anybody's.
_SEEN = (
    *("PATH", "LANG", "LANGUAGE", "TZ", "NETRC", "LD_LIBRARY_PATH", "CC", "CXX", "CFLAGS"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
_SEEN_PREFIXES = ("PIP_", "UV_", "LC_")
#: Name of the folder in which uv keeps what it has downloaded.
_CACHE = "cache"
_PTH = "fnq.pth"
_log = structlog.get_logger()


class Environments:
    """Makes environments in `folder`; `files` returns what images add, by its hash."""

    active: frozenset[str] = frozenset({"image"})

    def __init__(self, folder: str, files: Files, environ: Mapping[str, str] | None = None) -> None:
        self._folder = os.path.realpath(folder)
        self._files = files
        self._environ = dict(os.environ if environ is None else environ)
        self._shared = Shared()
        self._pythons: list[python.Python] = []
        self._looked_at = 0.0
        #: Why commands are not kept from writing elsewhere; None while nobody has tried.
        self._unsealed: str | None = None

    async def built(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> str | None:
        """Return "environment:/abs/path"; None where it is to be built first."""
        recipe, choice = await self._decide(steps, options)
        with self._told():
            found = self._find(self._room(recipe, choice))
        return None if found is None else found.image

    async def build(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str], say: Say
    ) -> str:
        """Build an environment, unless it is there, and return "environment:/abs/path"."""
        recipe, choice = await self._decide(steps, options, anew=True)
        room = self._room(recipe, choice)
        with self._told():
            found = self._find(room)
            if found is not None:
                return found.image
            return await self._shared.run(
                room.path, say, lambda all_: self._make(room, recipe, choice, all_)
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Raise ImageBuildError for what the machine refuses, as on a full disk."""
        try:
            yield
        except OSError as problem:
            why = problem.strerror or str(problem)
            raise ImageBuildError(
                f"an environment cannot be made in {self._folder}: {why}"
            ) from problem

    async def remarks(
        self, steps: Sequence[spec_pb2.ImageStep], options: Mapping[str, str]
    ) -> list[str]:
        """Return a sentence for each thing that the image has otherwise than it asks for."""
        recipe, choice = await self._decide(steps, options)
        said = [choice.remark] if choice.remark else []
        if self._unsealed and any(each.verb in ("run", "pip") for each in recipe.steps):
            said.append(f"its commands may write wherever the server may: {self._unsealed}")
        return said

    async def tidy(self, images: Sequence[Image]) -> None:
        """Remove what builds left that did not end, and what nobody refers to or uses."""
        kept: set[str] = set()
        for steps, options in images:
            with contextlib.suppress(ImageBuildError):
                kept.add(self._room(*await self._decide(steps, options)).path)
        await asyncio.to_thread(self._tidy, kept)

    def _tidy(self, kept: Collection[str]) -> None:
        for entry in os.scandir(self._folder) if os.path.isdir(self._folder) else ():
            if not entry.is_dir() or entry.name == _CACHE or entry.name.startswith(runtime.PREFIX):
                continue
            room = Room(entry.path)
            if entry.name.startswith(".") and room.idle_s() < _BROKEN_OFF_S:
                continue
            is_spare = room.path not in kept and room.idle_s() > UNUSED_S
            if (is_spare or room.whole() is None) and room.remove():
                _log.info("an environment is removed", path=room.path)

    async def _decide(
        self,
        steps: Sequence[spec_pb2.ImageStep],
        options: Mapping[str, str],
        *,
        anew: bool = False,
    ) -> tuple[Recipe, Choice]:
        """Return what is to be done, and with which Python; `anew` looks for those again."""
        recipe = read(steps)
        now = time.monotonic()
        if not self._pythons or (anew and now - self._looked_at > _FRESH_S):
            self._pythons = await asyncio.to_thread(python.find, self._environ)
            self._looked_at = now
        is_exact = options.get(IMAGE_PYTHON) == EXACT
        return recipe, python.choose(recipe.python, self._pythons, is_exact)

    def _room(self, recipe: Recipe, choice: Choice) -> Room:
        minor = f"3.{choice.python.minor}"
        return Room(os.path.join(self._folder, recipe.key(minor, *runtime.NEEDS)))

    def _find(self, room: Room) -> Environment | None:
        found = room.whole()
        if found is not None:
            room.touch()
            _lead(found, runtime.lay(self._folder))
        return found

    async def _make(self, room: Room, recipe: Recipe, choice: Choice, say: Say) -> str:
        async with room.claimed(say):
            found = self._find(room)
            if found is None:
                found = await self._make_claimed(room, recipe, choice, say)
        return found.image

    async def _make_claimed(
        self, room: Room, recipe: Recipe, choice: Choice, say: Say
    ) -> Environment:
        await asyncio.to_thread(room.clear)
        _log.info("an environment is built", path=room.path, python=choice.python.version)
        means = await self._means()
        build = Build(means, room, recipe, choice.python, room.saying(say))
        try:
            found = await build.run()
        except BaseException:
            await asyncio.to_thread(room.clear)
            raise
        _lead(found, runtime.lay(self._folder))
        found.write()
        return found

    async def _means(self) -> Means:
        cache = self._environ.get("UV_CACHE_DIR") or os.path.join(self._folder, _CACHE)
        os.makedirs(cache, exist_ok=True)
        if self._unsealed is None:
            self._unsealed = await shell.why_unsealed(cache)
        return Means(
            folder=self._folder,
            uv=_find_uv(),
            files=self._files,
            sealed=not self._unsealed,
            variables=_variables(self._environ, cache),
        )


def _find_uv() -> str:
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError) as problem:
        raise ImageBuildError(
            "images are built with uv, which this server has not: pip install 'fnq[local]'"
        ) from problem


def _variables(environ: Mapping[str, str], cache: str) -> dict[str, str]:
    """Return what a command of a build gets, whatever its image. Pure but for pip's files."""
    seen = {
        name: value
        for name, value in environ.items()
        if name in _SEEN or name.startswith(_SEEN_PREFIXES) or name.lower().endswith("_proxy")
    }
    configs = [path for path in index.configs(environ) if os.path.exists(path)]
    netrc = os.path.join(environ.get("HOME", "/"), ".netrc")
    if os.path.exists(netrc):
        seen.setdefault("NETRC", netrc)
    if configs:
        # HOME is another one there: the user's own file counts all the same.
        seen.setdefault("PIP_CONFIG_FILE", configs[-1])
    return {
        **index.uv_variables(environ, index.read(configs)),
        **seen,
        "UV_CACHE_DIR": cache,
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_PROGRESS_BAR": "off",
        "PYTHONUNBUFFERED": "1",
    }


def _lead(found: Environment, code: str) -> None:
    """Have the environment's Python find fnq's code for runners before all else."""
    line = f"import sys; sys.path.insert(0, {code!r})\n"
    path = os.path.join(found.packages, _PTH)
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
        if file.read() == line:
            return
    # Other servers of this machine may do the same.
    unfinished = f"{path}.{os.getpid()}"
    with open(unfinished, "w", encoding="utf-8") as file:
        file.write(line)
    os.replace(unfinished, path)
