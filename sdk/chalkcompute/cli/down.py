"""`fnq down`: stop the stack on this machine."""

from __future__ import annotations

import argparse
import os
import time

from chalkcompute import embedded
from chalkcompute.errors import StackError

__all__ = ["add", "run"]

#: Seconds in which every process of a stack has ended or was killed.
_LONGEST_S = 40.0
_LOOK_S = 0.01


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "down",
        help="stop the stack on this machine",
        description="Stop the stack on this machine, and all work that it runs. "
        "What was deployed, and calls that were accepted, are there again when it is started.",
    )
    parser.set_defaults(run=run, here=True)


def run(_options: argparse.Namespace) -> int:
    """Stop the stack; return the exit code when every process of it is gone."""
    place = embedded.locate()
    answer = embedded.ask(place, "down", _LONGEST_S)
    if answer is not None:
        _wait_gone(answer["pid"])
    elif embedded.held(place):
        _wait_free()
    else:
        print("the stack was not running")
        return 0
    print("down")
    return 0


def _wait_free() -> None:
    """Wait for a stack that cannot be asked: it is about to open its door, or has lost it.

    One whose sockets were removed ends by itself.
    """
    limit = time.monotonic() + _LONGEST_S
    while embedded.held(place := embedded.locate()):
        answer = embedded.ask(place, "down", _LONGEST_S)
        if answer is not None:
            _wait_gone(answer["pid"])
        elif time.monotonic() > limit:
            raise StackError(
                f"the process that has locked {place.lock} neither answers nor ends: end it by "
                f"hand (its log is {place.log})"
            )
        time.sleep(_LOOK_S)


def _wait_gone(pid: int) -> None:
    limit = time.monotonic() + _LONGEST_S
    while _alive(pid):
        if time.monotonic() > limit:
            raise StackError(f"the supervisor (pid {pid}) has stopped everything but does not end")
        time.sleep(_LOOK_S)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Return whether it has ended and only its parent has not looked, as some never do."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except OSError:
        return False
