"""A function with two volumes and the files of an image, one of them in a folder of these."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import chalkcompute
from chalkcompute import Image, Volume

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"


@chalkcompute.function(
    name="volumes.image",
    image=Image.debian_slim(MINOR).add_local_dir(sys.argv[1], "/fnq-app"),
    volumes=[(Volume("spec-notes"), "/fnq-notes"), (Volume("spec-cache"), "/fnq-app/data/cache")],
)
def note(text: str) -> list[str]:
    """Write in both volumes; return the file of the image, and what is beside it."""
    for folder in ("/fnq-notes", "/fnq-app/data/cache"):
        Path(folder, text).touch()
    try:
        Path("/fnq-app/new").touch()
    except OSError as problem:
        return [
            Path("/fnq-app/greeting.txt").read_text(),
            *sorted(os.listdir("/fnq-app")),
            problem.strerror,
        ]
    return []


print(note("a"))
