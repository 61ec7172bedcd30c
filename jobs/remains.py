"""What agents that were killed leave behind: containers, tasks, mounts."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from jobs.agent import MARK, await_that

__all__ = ["end", "remove"]

#: Nomad puts it on each of its containers.
_LABEL = "com.hashicorp.nomad.alloc_id"
#: Seconds for the kernel to end what was killed, however busy its disk is.
_END_S = 30.0


def end(state: Path) -> None:
    """End all that agents of the cluster whose state lies in `state` left, and themselves.

    What they kept stays. Raises ClusterError when the kernel does not end it in time.
    """
    for container in _containers(state):
        subprocess.run(["docker", "rm", "--force", container], capture_output=True, check=False)
    # A task may start others while they are looked for.
    await_that("the end of the cluster's tasks", lambda: not _kill(_tasks(state)), _END_S)
    for mount in _mounts(state):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)


def remove(state: Path) -> None:
    """End the same, and remove the directory. Raises ClusterError like `end`."""
    end(state)
    shutil.rmtree(state, ignore_errors=True)


def _kill(tasks: list[int]) -> list[int]:
    for pid in tasks:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return tasks


def _containers(state: Path) -> list[str]:
    """Return the ids of the containers that have a directory of this cluster mounted."""
    if shutil.which("docker") is None:
        return []
    found = _ask("docker", "ps", "--all", "--quiet", "--filter", f"label={_LABEL}").split()
    form = "{{.Id}}{{range .Mounts}}\t{{.Source}}{{end}}"
    lines = _ask("docker", "inspect", "--format", form, *found).splitlines() if found else []
    rows = [line.split("\t") for line in lines]
    return [
        identity
        for identity, *sources in rows
        if any(Path(source).is_relative_to(state) for source in sources)
    ]


def _tasks(state: Path) -> list[int]:
    """Return the processes that this cluster's agents started, those that ended excepted."""
    mark, logs = f"{MARK}={state}\0".encode(), state / "nomad" / "alloc"
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            # Redis writes its title over its environment; where its output goes stays.
            if entry.name.isdecimal() and (
                mark in (entry / "environ").read_bytes()
                or (entry / "fd" / "1").readlink().is_relative_to(logs)
            ):
                found.append(int(entry.name))
    return found


def _mounts(state: Path) -> list[str]:
    """Return what is mounted below `state`, the innermost first."""
    with open("/proc/self/mounts", encoding="utf-8") as table:
        places = [line.split(" ")[1].replace("\\040", " ") for line in table]
    return [place for place in reversed(places) if Path(place).is_relative_to(state)]


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
