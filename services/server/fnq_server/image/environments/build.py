"""One build of an environment: its Python, then step by step, then what runners need."""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fnq_server.image.additions import added
from fnq_server.image.environments import apt, files, shell
from fnq_server.image.environments.python import Python
from fnq_server.image.environments.recipe import Recipe, Step
from fnq_server.image.environments.room import Room
from fnq_server.image.runtime import NEEDS
from fnq_server.image.seam import Files, Say
from fnq_wire.environment import FILES, HOME, VENV, Environment
from fnq_wire.error import ImageBuildError

__all__ = ["Build", "Means"]

#: Last lines of a step that an error repeats.
_LAST = 20
#: The folder that is /tmp for commands; it goes with the build.
_TMP = "tmp"
#: What is said while it is added what runners need.
_RUNNER = "fnq's runner"
_VERSIONS = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name), sep="==")
    except importlib.metadata.PackageNotFoundError:
        pass
"""


@dataclass(frozen=True, slots=True)
class Means:
    """What all builds of a server have in common.

    `folder` has the environments and what they share, `uv` is the path of that program,
    `variables` are what a step gets whatever its image, `sealed` says whether this machine
    can keep steps from writing elsewhere.
    """

    folder: str
    uv: str
    files: Files
    sealed: bool
    variables: Mapping[str, str] = field(repr=False)


class Build:
    """Makes one environment in a room that is claimed and empty."""

    def __init__(self, means: Means, room: Room, recipe: Recipe, python: Python, say: Say) -> None:
        self._means = means
        self._home = room.path
        self._recipe = recipe
        self._python = python
        self._say = say
        self._tail: deque[str] = deque(maxlen=_LAST)
        self._title = ""
        self._env: dict[str, str] = {}
        self._workdir = ""

    async def run(self) -> Environment:
        """Do all steps; return the environment, whose record is not written yet.

        Raises ImageBuildError with the step that failed, and the last lines of it.
        """
        steps = list(self._recipe.steps)
        first = steps.pop(0) if steps and steps[0].verb == "base" else None
        await self._begin(first.title if first else f"base python:{self._python.version}")
        for step in steps:
            self._turn_to(step.title)
            await self._do(step)
        self._turn_to(_RUNNER)
        await self._equip()
        shutil.rmtree(self._path(_TMP), ignore_errors=True)
        return Environment(
            path=self._home,
            python=self._python.version,
            env=self._env,
            entrypoint=list(self._recipe.entrypoint),
            workdir=self._workdir,
            mounts=files.points(self._path(FILES)),
        )

    async def _begin(self, title: str) -> None:
        for name in (HOME, _TMP, FILES):
            os.makedirs(self._path(name))
        self._turn_to(title)
        python, venv = self._python.path, self._path(VENV)
        await self._insist(
            [self._means.uv, "venv", "--quiet", "--no-project", "--python", python, venv]
        )
        if any(each.verb == "run" for each in self._recipe.steps):
            # It is for commands alone: what `pip` steps install needs none. That of the
            # Python itself needs no index.
            bundled = self._python.bundled
            where = ("--no-index", "--find-links", bundled) if bundled else ()
            await self._pip("install", "--quiet", *where, "pip")

    async def _do(self, step: Step) -> None:
        match step.verb:
            case "pip":
                await self._pip("install", *self._written(step.arguments))
            case "run":
                for command in step.arguments:
                    await self._insist(["/bin/sh", "-ec", command])
            case "env":
                self._env |= {name: value for name, _, value in map(_split, step.arguments)}
            case "workdir":
                self._enter(step.arguments[0])
            case "add_file" | "add_dir":
                await self._add(step)
            case "apt":
                await self._check(step.arguments)

    def _written(self, arguments: Sequence[str]) -> Sequence[str]:
        """Return the arguments of pip, requirements that came as text being in a file."""
        if arguments[0] != "-r":
            return arguments
        path = self._path(_TMP, "requirements.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(arguments[1])
        return ["-r", path]

    async def _pip(self, verb: str, *arguments: str) -> None:
        await self._insist([self._means.uv, "pip", verb, "--python", self._interpreter, *arguments])

    def _enter(self, path: str) -> None:
        self._workdir = path
        if not os.path.isdir(self._workdir):
            files.make_folder(self._path(FILES), self._workdir)
            self._insist_mounts()

    async def _add(self, step: Step) -> None:
        target, digest = step.arguments
        members = await added(self._means.files, digest)
        files.lay(self._path(FILES), step.verb, target, members)
        self._insist_mounts()

    def _insist_mounts(self) -> None:
        if not self._means.sealed:
            raise ImageBuildError(
                f"{self._title}: this machine lets no process mount anything for itself, so that "
                "nothing can be added to an image: allow user namespaces, or run it as root"
            )

    async def _check(self, packages: Sequence[str]) -> None:
        missing = await apt.missing(packages)
        if missing:
            raise ImageBuildError(
                f"{self._title}: this machine lacks {', '.join(missing)}, and only its "
                f"administrator may install them: apt-get install {' '.join(missing)}; "
                "or have the server build with Docker (FNQ_BUILDER=docker)"
            )

    async def _equip(self) -> None:
        """Add what runners need; what the user chose stays, where it is new enough."""
        there = await self._versions()
        for need in NEEDS:
            if need.name in there and not need.is_met(there[need.name]):
                raise ImageBuildError(
                    f"the image has {need.name} {there[need.name]}, and runners need {need}: "
                    "install a newer one there"
                )
        missing = [need for need in NEEDS if need.name not in there]
        if missing:
            await self._pip("install", "--no-deps", "--compile-bytecode", *missing)

    async def _versions(self) -> dict[str, str]:
        """Return the versions of what the image has of all that runners need."""
        names = [need.name for need in NEEDS]
        await self._run([self._interpreter, "-I", "-c", _VERSIONS, *names], quiet=True)
        pairs = (line.partition("==") for line in self._tail)
        return {name: version for name, _, version in pairs if name in names}

    async def _insist(self, argv: Sequence[str]) -> None:
        code = await self._run(argv)
        if code:
            how = f"exit code {code}" if code > 0 else f"signal {-code}"
            raise ImageBuildError("\n".join([f"{self._title} failed with {how}", *self._tail]))

    async def _run(self, argv: Sequence[str], *, quiet: bool = False) -> int:
        """Run a command as the steps so far have it; return its exit code."""
        self._tail.clear()
        sealed, tmp = self._means.sealed, self._path(_TMP)
        mounts = files.points(self._path(FILES)) if sealed else []
        order = shell.Order(
            argv=argv,
            cwd=self._workdir or self._path(HOME),
            env=self._variables(),
            tmp=tmp,
            writable=[self._home, self._means.variables["UV_CACHE_DIR"]],
            readable=[self._means.folder, os.path.dirname(self._means.uv), self._python.prefix],
            mounts=[(source, target, "rw") for source, target in mounts],
        )

        def heard(line: str) -> None:
            self._tail.append(line)
            if not quiet:
                self._say(self._title, line)

        return await shell.run(order, self._home, heard, sealed=sealed)

    def _variables(self) -> dict[str, str]:
        so_far = Environment(self._home, self._python.version, self._env)
        found = so_far.variables(self._means.variables)
        return found if self._means.sealed else {**found, "TMPDIR": self._path(_TMP)}

    def _turn_to(self, title: str) -> None:
        self._title = title
        self._say(title, "")

    def _path(self, *names: str) -> str:
        return os.path.join(self._home, *names)

    @property
    def _interpreter(self) -> str:
        return self._path(VENV, "bin", "python")


def _split(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")
