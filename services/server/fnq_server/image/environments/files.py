"""Files that an image adds: where they lie in an environment, and how they come to be seen."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping

from fnq_wire.archive import Member
from fnq_wire.error import ImageBuildError
from fnq_wire.imagefiles import FILE

__all__ = ["lay", "make_folder", "points"]


def lay(root: str, verb: str, target: str, members: Mapping[str, Member]) -> None:
    """Put what a step adds at the absolute path `target` below `root`.

    What lies there already is replaced, folders are merged. Raises ImageBuildError where
    one is a folder and the other is not, or a link leads elsewhere.
    """
    for path, member in members.items():
        place = target if verb == "add_file" and path == FILE else f"{target}/{path}"
        if path.endswith("/"):
            make_folder(root, place)
        else:
            folder = make_folder(root, posixpath.dirname(_plain(place)))
            _write(os.path.join(folder, posixpath.basename(_plain(place))), member)
    if verb == "add_dir":
        make_folder(root, target)


def make_folder(root: str, target: str) -> str:
    """Make the folder for the absolute path `target` below `root`; return its own path."""
    folder = root
    for name in _plain(target).split("/")[1:]:
        folder = os.path.join(folder, name) if name else folder
        if os.path.islink(folder) or (os.path.lexists(folder) and not os.path.isdir(folder)):
            raise ImageBuildError(
                f"{folder.removeprefix(root)} is no folder in the image, and {target} lies in it"
            )
        os.makedirs(folder, exist_ok=True)
    return folder


def _plain(path: str) -> str:
    """Return a path without "." and "..", which lead nowhere else than below the root."""
    return "/" + posixpath.normpath(f"/{path}").lstrip("/")


def _write(path: str, member: Member) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        raise ImageBuildError(f"a file cannot take the place of the folder {path}")
    if os.path.lexists(path):
        os.unlink(path)
    if member.link:
        os.symlink(member.link, path)
        return
    with open(path, "wb") as file:
        file.write(member.data)
    os.chmod(path, 0o755 if member.may_run else 0o644)


def points(root: str, has_folder: Callable[[str], bool] = os.path.isdir) -> list[tuple[str, str]]:
    """Return what is to be mounted, and where, for `root` to be seen merged with the system.

    A folder that the system has (`has_folder`) is not hidden: what is in it is mounted.
    Raises ImageBuildError for a link that would be.
    """
    return _points(root, "", has_folder)


def _points(root: str, folder: str, has_folder: Callable[[str], bool]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in sorted(os.listdir(root + folder)) if os.path.isdir(root + folder) else ():
        target, source = f"{folder}/{name}", f"{root}{folder}/{name}"
        if os.path.islink(source):
            raise ImageBuildError(
                f"{target} is a link, and this machine has the folder {folder or '/'}: "
                "add it to a folder of the image's own"
            )
        if os.path.isdir(source) and has_folder(target):
            found += _points(root, target, has_folder)
        else:
            found.append((source, target))
    return found
