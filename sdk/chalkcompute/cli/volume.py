"""`fnq volume`: files that outlive workers, and those that are put there and taken from there."""

from __future__ import annotations

import argparse
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import any_server
from chalkcompute.cli.table import render

if TYPE_CHECKING:
    from chalkcompute.cli.volumefiles import VolumeFiles
    from fnq.v1 import volumes_pb2

__all__ = ["add"]

_HEAD = ("VOLUME", "FILES", "SIZE", "FREE", "FUNCTIONS")
_LISTED = ("MODE", "SIZE", "CHANGED", "NAME")
_KINDS = {"file": stat.S_IFREG, "folder": stat.S_IFDIR, "link": stat.S_IFLNK}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
#: Bytes of the next larger unit in one.
_STEP = 1_024
_MS = 1_000


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "volume",
        help="look into volumes, and copy files there and back",
        description="Look into the volumes that functions mount, and copy files and folders "
        "there and back. A path begins at the top of its volume; no link in it is followed.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    listing = verbs.add_parser("list", aliases=["ls"], help="all volumes, or what lies in one")
    listing.add_argument("place", nargs="?", metavar="VOLUME[:PATH]", help="a folder, or a file")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)
    putting = _verb(verbs, "put", "copy a file or a folder into a volume", _put)
    putting.add_argument("local", metavar="LOCAL")
    putting.add_argument(
        "remote",
        nargs="?",
        metavar="REMOTE",
        help="its path there (its name); with / at the end: in",
    )
    getting = _verb(verbs, "get", "copy a file or a folder out of a volume", _get)
    getting.add_argument("remote", metavar="REMOTE", help="/ is the whole volume")
    getting.add_argument("local", nargs="?", metavar="LOCAL", help="a folder that is there: in it")
    removing = _verb(verbs, "rm", "remove a file or an empty folder of a volume", _remove)
    removing.add_argument("remote", metavar="PATH")
    removing.add_argument(
        "-r", "--recursive", action="store_true", help="a folder with all that is in it"
    )
    deleting = _verb(verbs, "delete", "delete a volume with all its files", _delete)
    deleting.add_argument(
        "--force", action="store_true", help="also where functions mount it: they lose their files"
    )


def _verb(verbs: Any, name: str, words: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=words)
    parser.add_argument("volume", metavar="VOLUME")
    parser.set_defaults(run=run)
    return parser


@contextmanager
def _files() -> Iterator[VolumeFiles]:
    # Its library takes longer to load than the whole command without it.
    from chalkcompute.cli.volumefiles import VolumeFiles

    with any_server() as server:
        try:
            yield VolumeFiles(server)
        except OSError as problem:
            if isinstance(problem, RuntimeError):
                raise
            raise ValueError(_local(problem)) from problem


def _local(problem: OSError) -> str:
    """Return what is wrong with a file, which is none of a volume."""
    if problem.filename is None:
        return str(problem)
    return f"{os.fsdecode(problem.filename)} on this machine: {problem.strerror}"


def _list(options: argparse.Namespace) -> int:
    volume, _, path = (options.place or "").partition(":")
    with _files() as files:
        if volume:
            entries = list(files.look(volume, os.fsencode(path)))
            rows = [_entry_row(each) for each in entries]
            _show(options.json, [_entry_dict(each) for each in entries], _LISTED, rows)
        else:
            states = files.volumes()
            _show(options.json, [_dict(each) for each in states], _HEAD, map(_row, states))
    return 0


def _show(
    as_json: bool,
    found: Sequence[Mapping[str, Any]],
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
) -> None:
    if as_json:
        print(json.dumps(found))
    elif found:
        print(render(head, list(rows)))


def _put(options: argparse.Namespace) -> int:
    name = os.path.basename(os.path.normpath(options.local))
    remote: str = name if options.remote is None else options.remote
    if options.remote is not None and remote.endswith("/"):
        remote += name
    # "." and ".." stand for what is in a folder.
    if options.remote is None and name in (".", ".."):
        remote = ""
    with _files() as files:
        reply = files.put(options.volume, options.local, os.fsencode(remote.strip("/")))
    place = f"{options.volume}:{remote.strip('/')}"
    print(f"{place}: {_files_text(reply.files)}, {_size(reply.bytes)}")
    return 0


def _get(options: argparse.Namespace) -> int:
    remote = os.fsencode(options.remote.strip("/"))
    name = os.path.basename(options.remote.strip("/")) or options.volume
    local = options.local or name
    if os.path.isdir(local) and options.local is not None:
        local = os.path.join(local, name)
    with _files() as files:
        done = files.get(options.volume, remote, local)
    print(f"{local}: {_files_text(done.files)}, {_size(done.bytes)}")
    return 0


def _remove(options: argparse.Namespace) -> int:
    with _files() as files:
        files.remove(options.volume, os.fsencode(options.remote), recursive=options.recursive)
    print(f"{options.volume}:{options.remote.lstrip('/')}: removed")
    return 0


def _delete(options: argparse.Namespace) -> int:
    with _files() as files:
        files.delete(options.volume, force=options.force)
    print(f"{options.volume}: deleted, with all its files")
    return 0


def _row(state: volumes_pb2.VolumeState) -> tuple[str, ...]:
    users = ", ".join(state.functions)
    return (state.volume, str(state.files), _size(state.bytes), _size(state.free), users)


def _dict(state: volumes_pb2.VolumeState) -> dict[str, Any]:
    return {
        "volume": state.volume,
        "files": state.files,
        "bytes": state.bytes,
        "free": state.free,
        "functions": list(state.functions),
        "folder": state.folder,
    }


def _entry_row(entry: volumes_pb2.VolumeEntry) -> tuple[str, ...]:
    mode = stat.filemode(_KINDS.get(entry.kind, 0) | entry.mode)
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed_ms / _MS))
    name = _shown(entry.path) + (f" -> {_shown(entry.target)}" if entry.kind == "link" else "")
    return (mode, _size(entry.bytes) if entry.kind == "file" else "", changed, name)


def _entry_dict(entry: volumes_pb2.VolumeEntry) -> dict[str, Any]:
    found = {
        "name": os.fsdecode(entry.path),
        "kind": entry.kind,
        "bytes": entry.bytes,
        "mode": f"{entry.mode:03o}",
        "changed_ms": entry.changed_ms,
    }
    return found | ({"target": os.fsdecode(entry.target)} if entry.kind == "link" else {})


def _shown(name: bytes) -> str:
    """Return a name as text that a terminal takes for nothing else."""
    text = name.decode("utf-8", "surrogateescape")
    return text if text.isprintable() else ascii(text)[1:-1]


def _files_text(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _size(count: float) -> str:
    """Return bytes in the unit that suits them."""
    power = 0
    while count >= _STEP and power < len(_UNITS) - 1:
        count, power = count / _STEP, power + 1
    return f"{count:.1f} {_UNITS[power]}" if power else f"{count:.0f} {_UNITS[0]}"
