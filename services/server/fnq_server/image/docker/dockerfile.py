"""The steps of an image as lines of a Dockerfile. Pure: equal steps are equal text.

Whatever a step holds stays one line and one argument: commands are in JSON form, which
has no line breaks, and files go by names that are hashes. `dockerfile_commands` and a
Dockerfile of the user's own are taken as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fnq_server.image.masking import short
from fnq_wire.error import ImageBuildError
from fnq_wire.imagefiles import FILE

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["FOLDERS", "TEXTS", "Line", "Recipe", "recipe"]

#: Folders of the context: one for each file or folder that an image adds, by its hash,
#: and texts (requirements) by theirs.
FOLDERS, TEXTS = "files", "texts"
#: What may stand after FROM.
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
#: Runs a module with the Python that is first on the path of the image.
_PYTHON = 'exec "$(command -v python3 || command -v python)" -m '
_QUIETLY = "--no-cache-dir --disable-pip-version-check --progress-bar off"
_APT = (
    "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "
    "--no-install-recommends -- {} && rm -rf /var/lib/apt/lists/*"
)
#: What means something between double quotes, unless behind a backslash.
_SPECIAL = re.compile(r'([\\$"])')
_BEHIND = r"\\\1"


@dataclass(frozen=True, slots=True)
class Line:
    """One instruction, or several where `raw`, and what is said while it is carried out."""

    text: str
    title: str
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an image is made: from a base, or from what the Dockerfile `start` makes."""

    base: str
    start: str
    #: What is said of the base.
    title: str
    lines: tuple[Line, ...]
    #: Requirements by their name in the context, and hashes of what is copied from it.
    texts: tuple[tuple[str, str], ...]
    files: tuple[str, ...]

    def text(self, base: str) -> str:
        """Return the Dockerfile of all that comes after the base."""
        # The command of a worker is no argument for a program that a base starts by itself.
        lines = [f"FROM {base}", "ENTRYPOINT []", *(line.text for line in self.lines)]
        return "\n".join(lines) + "\n"

    @property
    def identity(self) -> str:
        """The hash of all that the image is made of, in hex."""
        made_of = "\0".join((self.base, self.start, self.text("")))
        return hashlib.sha256(made_of.encode()).hexdigest()


def recipe(steps: Sequence[spec_pb2.ImageStep]) -> Recipe:
    """Return how the image of `steps` is made.

    Raises ImageBuildError for a step that cannot be written in a Dockerfile.
    """
    first, *others = steps
    arguments = tuple(first.arguments)
    if first.verb not in ("base", "dockerfile") or len(arguments) != 1:
        raise ImageBuildError(f"an image begins with a base or a Dockerfile, not {first.verb!r}")
    is_base = first.verb == "base"
    if is_base and not _REFERENCE.fullmatch(arguments[0]):
        raise ImageBuildError(f"not the name of an image: {arguments[0]!r}")
    texts: dict[str, str] = {}
    files: list[str] = []
    parts = [part for step in others for part in _parts(step, texts, files)]
    count = 1 + len(parts)
    lines = [
        Line(text, f"step {number}/{count} {short(title)}", raw)
        for number, (title, instructions, raw) in enumerate(parts, 2)
        for text in instructions
    ]
    return Recipe(
        base=arguments[0] if is_base else "",
        start="" if is_base else arguments[0],
        title=f"step 1/{count} {f'base {arguments[0]}' if is_base else 'Dockerfile'}",
        lines=tuple(lines),
        texts=tuple(sorted(texts.items())),
        files=tuple(dict.fromkeys(files)),
    )


#: One numbered step: what is said of it, its instructions, and whether they are the user's.
_Part = tuple[str, Sequence[str], bool]


def _parts(step: spec_pb2.ImageStep, texts: dict[str, str], files: list[str]) -> Iterator[_Part]:
    """Return what one step of a spec consists of; notes what it needs from the context."""
    given = tuple(step.arguments)
    match step.verb:
        case "run":
            for command in given:
                yield command, [_run(command)], False
        case "dockerfile_commands":
            for command in given:
                yield command, [command], True
        case "pip" if len(given) == 2 and given[0] == "-r":
            name = hashlib.sha256(given[1].encode()).hexdigest()
            texts[name] = given[1]
            # Beside fnq's own, out of the way of the user's.
            place = f"/opt/fnq-requirements/{name}.txt"
            copy = f"COPY {_json(f'{TEXTS}/{name}', place)}"
            yield "pip install -r requirements", [copy, _pip("-r", place)], False
        case "add_file" | "add_dir":
            target, digest = given
            files.append(digest)
            source = f"{FOLDERS}/{digest}/"
            if step.verb == "add_file":
                source += FILE
            copy = f"COPY {_json(source, _quoted(target, 'a path'))}"
            yield f"{step.verb.replace('_', ' ')} {target}", [copy], False
        case _:
            yield _plain(step.verb, given)


def _plain(verb: str, given: tuple[str, ...]) -> _Part:
    """Return a step that is one instruction and needs nothing from the context."""
    match verb:
        case "pip":
            return f"pip install {shlex.join(given)}", [_pip(*given)], False
        case "apt":
            return (
                f"apt install {shlex.join(given)}",
                [_run(_APT.format(shlex.join(given)))],
                False,
            )
        case "env":
            pairs = [_variable(each) for each in given]
            # Not the values: they are not for everybody who watches a build.
            names = " ".join(each.partition("=")[0] for each in given)
            return f"env {names}", [f"ENV {' '.join(pairs)}"], False
        case "workdir":
            return f"workdir {given[0]}", [f"WORKDIR {_quoted(given[0], 'a path')}"], False
        case "entrypoint":
            return f"entrypoint {shlex.join(given)}", [f"ENTRYPOINT {_json(*given)}"], False
        case _:
            raise ImageBuildError(
                f"this server knows no step {verb!r} of an image: update it, or the client"
            )


def _run(command: str) -> str:
    return f"RUN {_json('/bin/sh', '-c', command)}"


def _pip(*words: str) -> str:
    return _run(f"{_PYTHON}pip install {_QUIETLY} {shlex.join(words)}")


def _variable(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={_quoted(value, f'the variable {name}')}"


def _quoted(text: str, what: str) -> str:
    """Return a text as one word of an instruction, in which nothing is replaced."""
    if set("\n\r\0") & set(text):
        raise ImageBuildError(f"{what} has a line break, which an image cannot hold")
    return f'"{_SPECIAL.sub(_BEHIND, text)}"'


def _json(*words: str) -> str:
    return json.dumps(words)
