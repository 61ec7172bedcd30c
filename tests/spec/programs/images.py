"""Functions that run in images of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import chalkcompute
from chalkcompute import Image

FOLDER = Path(sys.argv[1])
cows = Image.base("python:3.12-slim").run_commands("pip install cowsay==6.1")
equipped = (
    Image.base("python:3-slim")
    .env({"COLOUR": "deep blue"})
    .add_local_file(FOLDER / "greeting.txt", "/fnq-image-files/greeting.txt")
    .workdir("/fnq-image-files")
    .entrypoint("/bin/sh", "-c", 'GREETED=yes "$@"; exit $?', "sh")
)


@chalkcompute.function(image=cows)
def say(text: str) -> list[str]:
    """Have a cow say it; tell the Python that it lives in."""
    import cowsay

    return [
        cowsay.get_output_string("cow", text).splitlines()[1].strip(),
        sys.version.split(".")[1],
    ]


@chalkcompute.function(image=equipped)
def look() -> list[str]:
    """Tell what the image has: variable, directory, file."""
    greeting = Path("greeting.txt").read_text()
    home = os.environ["HOME"].rpartition("/")[2]
    return [os.environ["COLOUR"], os.environ["GREETED"], os.getcwd(), greeting, home]


print(*say("moo"), sep=" # ")
print(*look(), sep=" # ")
