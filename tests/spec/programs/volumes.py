"""Functions that share a volume; the first argument is the edition of the source."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from pathlib import Path

import chalkcompute
from chalkcompute import Volume

#: Another edition is another version.
EDITION = sys.argv[1] if len(sys.argv) > 1 else "1"


@chalkcompute.function(
    name="volumes.note",
    volumes=[(Volume("spec-notes"), "/fnq-notes"), (Volume("spec-other"), "/fnq-data/deep/other")],
    env={"EDITION": EDITION},
)
def note(text: str) -> list[str]:
    """Add a note; return all, and what is in the other volume."""
    with open("/fnq-notes/all", "a+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        file.write(f"{os.environ['EDITION']} {text}\n")
        file.seek(0)
        lines = file.read().splitlines()
    return lines + os.listdir("/fnq-data/deep/other")


@chalkcompute.function(name="volumes.read", volumes=[(Volume("spec-notes"), "/fnq-elsewhere")])
async def read() -> list[str]:
    """Return all notes, from another function at another path."""
    return Path("/fnq-elsewhere/all").read_text().splitlines()


@chalkcompute.function(name="volumes.die", volumes=[(Volume("spec-notes"), "/fnq-notes")])
def die() -> str:
    """Die once, as a process that is killed does; what it wrote before is there."""
    if not os.path.exists("/fnq-notes/died"):
        Path("/fnq-notes/died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    os.remove("/fnq-notes/died")
    return "lived"


@chalkcompute.function(name="volumes.without")
def without() -> list[bool]:
    """Return which paths a function sees that has no volume."""
    return [os.path.exists(each) for each in ("/fnq-notes", "/fnq-elsewhere", "/fnq-data")]


print(note("a"))
print(note("b"), read())
print(die(), without(), os.path.exists("/fnq-notes"))
