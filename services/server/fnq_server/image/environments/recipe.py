"""What is to be done for the steps of an image: decided here, done by others. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fnq_server.image.masking import short
from fnq_wire.error import ImageBuildError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Asked", "Recipe", "Step", "parse_base", "read", "title"]

_REMEDY = (
    "the builder of environments makes images from Python ones alone: begin with "
    'Image.debian_slim() or Image.base("python:3.12-slim"), or have the server build '
    "with Docker (FNQ_BUILDER=docker)"
)
_BASE = re.compile(
    r"(?:(?:index\.)?docker\.io/)?(?:library/)?python(?::(?P<tag>[\w.-]+))?(?:@sha256:[0-9a-f]{64})?"
)
#: "3.12.1-slim-bookworm"; what comes before the version, or has none, asks for any Python 3.
_TAG = re.compile(r"3(?:\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?)?(?:(?:a|b|rc)\d*)?(?:-[\w.-]+)?")
_NAMED = re.compile(r"latest|(?:slim|alpine|bookworm|bullseye|trixie)[\w.-]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """The Python 3 that an image begins with; None where any does."""

    minor: int | None = None
    patch: int | None = None

    def __str__(self) -> str:
        parts = [str(each) for each in (3, self.minor, self.patch) if each is not None]
        return ".".join(parts)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: the verb of the spec and what it says, for people in one line."""

    verb: str
    arguments: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an environment is made: its Python, its steps in order, how processes start in it."""

    python: Asked
    steps: tuple[Step, ...]
    entrypoint: tuple[str, ...] = ()
    #: Hashes of the zips with what the image adds.
    files: tuple[str, ...] = ()
    #: Debian packages that must be there.
    packages: tuple[str, ...] = field(default=())

    def key(self, *rest: str) -> str:
        """Return 32 hex digits, the same for equal steps and an equal `rest`."""
        said = [[str(self.python)], *([each.verb, *each.arguments] for each in self.steps), rest]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def read(steps: Sequence[spec_pb2.ImageStep]) -> Recipe:
    """Return what is to be done. Raises ImageBuildError for what an environment cannot be."""
    found = [Step(each.verb, tuple(each.arguments), "") for each in steps]
    count = len(found)
    named = tuple(
        Step(each.verb, each.arguments, f"step {number}/{count} {title(each)}")
        for number, each in enumerate(found, 1)
    )
    asked = Asked()
    for number, step in enumerate(named):
        if step.verb in ("dockerfile", "dockerfile_commands"):
            raise ImageBuildError(f"{step.title}: lines of a Dockerfile need Docker: {_REMEDY}")
        if step.verb == "base":
            if number:
                raise ImageBuildError(f"{step.title}: an image begins with its base")
            asked = parse_base(step.arguments[0])
    return Recipe(
        python=asked,
        steps=named,
        entrypoint=next((each.arguments for each in named[::-1] if each.verb == "entrypoint"), ()),
        files=tuple(each.arguments[1] for each in named if each.verb in ("add_file", "add_dir")),
        packages=tuple(word for each in named if each.verb == "apt" for word in each.arguments),
    )


def parse_base(reference: str) -> Asked:
    """Return the Python that a reference such as "python:3.12-slim" asks for.

    Raises ImageBuildError for what is no image of a Python 3.
    """
    found = _BASE.fullmatch(reference.strip())
    tag = found and (found["tag"] or "latest")
    version = tag and _TAG.fullmatch(tag)
    if version:
        minor, patch = version["minor"], version["patch"]
        return Asked(None if minor is None else int(minor), None if patch is None else int(patch))
    if tag and _NAMED.fullmatch(tag):
        return Asked()
    raise ImageBuildError(f"the base {reference!r} is no image of a Python 3; {_REMEDY}")


def title(step: Step) -> str:
    """Return a step in one line, as "pip install cowsay==6.1"; passwords are masked."""
    verb, arguments = step.verb, list(step.arguments)
    match verb:
        case "base":
            text = f"base {arguments[0]}"
        case "pip" if arguments[:1] == ["-r"]:
            text = f"pip install -r ({len(_lines(arguments[1]))} requirements)"
        case "pip":
            text = f"pip install {' '.join(arguments)}"
        case "apt":
            text = f"apt install {' '.join(arguments)}"
        case "run":
            text = " && ".join(arguments)
        case "env":
            text = f"env {' '.join(each.partition('=')[0] for each in arguments)}"
        case "add_file" | "add_dir":
            text = f"{verb.replace('_', ' ')} {arguments[0]}"
        case _:
            text = f"{verb} {' '.join(arguments)}"
    return short(text)


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
