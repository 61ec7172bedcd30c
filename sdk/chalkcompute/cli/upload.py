"""Local files and folders, as the parts in which they go into a volume."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator

from fnq.v1 import volumes_pb2
from fnq_wire.limits import PART

__all__ = ["leads_out", "parts"]


def parts(local: str, remote: bytes) -> Iterator[volumes_pb2.PutPart]:
    """Yield what lies at `local`, a file or a folder with all in it, to be at `remote`.

    A link within the folder stays one; what leads out of it, and what is neither file nor
    folder, is left out with a line on stderr. Raises OSError for what cannot be read.
    """
    facts = os.stat(local)
    if stat.S_ISDIR(facts.st_mode):
        # What belongs at the top of the volume is made there, not the top itself.
        if remote:
            yield _folder(remote, facts)
        yield from _inside(os.fsencode(local), remote, b"")
    elif stat.S_ISREG(facts.st_mode):
        yield from _file(os.fsencode(local), remote)
    else:
        raise ValueError(f"{local} is neither a file nor a folder")


def _inside(local: bytes, remote: bytes, way: bytes) -> Iterator[volumes_pb2.PutPart]:
    """Yield what lies in the folder `way` of what is sent."""
    with os.scandir(os.path.join(local, way)) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        here = os.path.join(way, entry.name)
        path = os.path.join(remote, here)
        if entry.is_symlink():
            target = os.readlink(entry.path)
            if leads_out(here, target):
                _leave_out(entry.path, "is a link to somewhere else")
            else:
                link = volumes_pb2.VolumeEntry(path=path, kind="link", target=target)
                yield volumes_pb2.PutPart(entry=link)
        elif entry.is_dir():
            yield _folder(path, entry.stat())
            yield from _inside(local, remote, here)
        elif entry.is_file():
            yield from _file(entry.path, path)
        else:
            _leave_out(entry.path, "is neither a file nor a folder")


def _folder(path: bytes, facts: os.stat_result) -> volumes_pb2.PutPart:
    entry = volumes_pb2.VolumeEntry(path=path, kind="folder", mode=stat.S_IMODE(facts.st_mode))
    return volumes_pb2.PutPart(entry=entry)


def _file(local: bytes, path: bytes) -> Iterator[volumes_pb2.PutPart]:
    with open(local, "rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        entry = volumes_pb2.VolumeEntry(path=path, kind="file", mode=mode)
        yield volumes_pb2.PutPart(entry=entry)
        while data := file.read(PART):
            yield volumes_pb2.PutPart(data=data)
    yield volumes_pb2.PutPart(last=True)


def leads_out(path: bytes, target: bytes) -> bool:
    """Return whether a link at `path` in a folder leads out of that folder, by its words."""
    if target.startswith(b"/"):
        return True
    led = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return led.split(b"/")[0] == b".."


def _leave_out(path: bytes, why: str) -> None:
    sys.stderr.write(f"[fnq] left out: {ascii(os.fsdecode(path))[1:-1]} {why}\n")
