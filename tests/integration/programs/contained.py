"""Functions of an image, called: `contained.py BASE PART`."""

import os
import sys
import time
from pathlib import Path

import chalkcompute
from chalkcompute.errors import CallCancelledError

BASE = sys.argv[1] if len(sys.argv) > 1 else "-"
IMAGE = (
    chalkcompute.Image.base(BASE)
    .env({"FROM_IMAGE": "yes"})
    .run_commands("pip install cowsay==6.1")
    .workdir("/srv/here")
)


@chalkcompute.function(image=IMAGE)
def where(path: str) -> tuple[str, str, str, str, int]:
    import cowsay

    text = Path(path).read_text().strip()
    return text, os.environ["FROM_IMAGE"], cowsay.char_names[0], os.getcwd(), os.getuid()


@chalkcompute.function(image=IMAGE)
def count(to: int):
    yield from range(to)


@chalkcompute.function(image=IMAGE)
def reverse(data: bytes) -> bytes:
    return data[::-1]


@chalkcompute.function(image=IMAGE)
def outer(path: str) -> str:
    return where(path)[0]


@chalkcompute.function(image=IMAGE)
def sleep(seconds: float, mark: str = "") -> int:
    if mark and not os.path.exists(mark):
        Path(mark).touch()
        time.sleep(1_000)
    time.sleep(seconds)
    return os.getpid()


@chalkcompute.function(image=IMAGE, memory="256Mi", cpu=0.5)
def limited() -> str:
    return os.environ["FROM_IMAGE"]


@chalkcompute.function(image=IMAGE, volumes=[(chalkcompute.Volume("notes"), "/mnt/notes")])
def note(text: str) -> list[str]:
    Path("/mnt/notes", text).touch()
    return sorted(os.listdir("/mnt/notes"))


def all_of_it(path: str) -> None:
    print(where(path))
    print(list(count(4)))
    data = os.urandom(4 << 20)
    print(reverse(data) == data[::-1])
    print(outer(path))


def cancel() -> None:
    call = sleep.spawn(1_000.0)
    while call.status().state != "running":
        time.sleep(0.02)
    call.cancel()
    try:
        call.get()
    except CallCancelledError:
        print("cancelled")
    print(sleep(0.0) > 0)


if BASE != "-":
    if sys.argv[2] == "all":
        all_of_it(sys.argv[3])
    elif sys.argv[2] == "cancel":
        cancel()
    elif sys.argv[2] == "again":
        print(sleep(0.0, sys.argv[3]) > 0)
    elif sys.argv[2] == "limited":
        print(limited())
    elif sys.argv[2] == "note":
        print(note(sys.argv[3]))
