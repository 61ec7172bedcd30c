"""Zygotes in containers of a Docker engine on this machine.

A container shares processes, network and memory files of the machine, and has file
systems of its own, but for the few directories that runners meet their stack in. It is
started by the program `docker`, whose standard input the supervisor holds: when that
closes, however the supervisor ends, the zygote ends and the container is removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from fnq_local.place import Place
from fnq_wire.contained import HOME, PREFIX
from fnq_wire.error import StackError

__all__ = ["Mount", "command", "holds", "tidying"]

#: Label of containers: the state directory of the stack that they belong to.
_LABEL = "fnq.stack"
#: Home of a user whom the image does not know.
_HOMELESS = "/tmp"  # noqa: S108 - of the container
_START = (
    "python=$(command -v python3 || command -v python) || {{ "
    'echo "this image has no Python on its path" >&2; exit 127; }}; '
    'exec "$python" -P {home}/start.py "$@"'
)
_TIDY = 'docker ps -aq --filter "label=$1" | xargs -r docker rm -f'

#: A path of this machine, where the container has it, and "rw" or "ro".
Mount = tuple[str, str, str]


def holds(image: str) -> bool:
    """Return whether the zygote of an image, by a builder's name of it, is in a container."""
    return image.startswith(PREFIX)


def command(
    image: str,
    socket: str,
    place: Place,
    mounts: Sequence[Mount] = (),
    limits: Mapping[str, int] | None = None,
) -> list[str]:
    """Return what starts a container whose zygote listens at the path `socket`.

    The directory of `socket` is its own. `limits` may hold "cpu_millis" and
    "memory_bytes", of all that runs in the container. Raises StackError where there is
    no program to start it with.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise StackError(
            "its image needs a container, and docker is not on the path of this stack: "
            "install it, or have images built with FNQ_BUILDER=environments"
        )
    own = (
        (os.path.dirname(socket),) * 2,
        (place.work,) * 2,
        (os.path.realpath(place.spool), place.spool),
    )
    shared = [(source, target, "rw") for source, target in own]
    user = os.getuid()
    reference = image.removeprefix(PREFIX)
    # One without a digest is this engine's own: nobody else has it under that name.
    pull = "missing" if "@" in reference else "never"
    return [
        *(docker, "run", "--rm", "--interactive", "--pull", pull, "--label", _label(place)),
        *("--pid", "host", "--network", "host", "--ipc", "host"),
        *("--user", f"{user}:{os.getgid()}"),
        *(() if user == 0 else ("--env", f"HOME={_HOMELESS}")),
        *(word for each in (*shared, *mounts) for word in ("--mount", _mount(*each))),
        *_limits(limits or {}),
        *(reference, "/bin/sh", "-c", _START.format(home=HOME), "fnq"),
        *("--zygote", socket, "--tied"),
    ]


def tidying(place: Place) -> list[str]:
    """Return what removes all containers that the stack at `place` has, or had."""
    return ["/bin/sh", "-c", _TIDY, "fnq", _label(place)]


def _label(place: Place) -> str:
    return f"{_LABEL}={place.state}"


def _mount(source: str, target: str, mode: str) -> str:
    words = ["type=bind", f"source={source}", f"target={target}"]
    words += ["readonly"] if mode == "ro" else []
    # The program reads them as a line of CSV.
    return ",".join(_quoted(word) for word in words)


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"' if set('",\n') & set(word) else word


def _limits(limits: Mapping[str, int]) -> list[str]:
    words = []
    if limits.get("cpu_millis"):
        words += ["--cpus", f"{limits['cpu_millis'] / 1000:.3f}"]
    if limits.get("memory_bytes"):
        size = str(limits["memory_bytes"])
        # As much with swap as without: none.
        words += ["--memory", size, "--memory-swap", size]
    return words
