"""Files that an image adds, as they were deployed."""

from __future__ import annotations

from fnq_core.connection import insist
from fnq_server.image.seam import Files
from fnq_wire.archive import Member, read
from fnq_wire.bundle import BundleError
from fnq_wire.error import ImageBuildError

__all__ = ["added"]


async def added(files: Files, digest: str) -> dict[str, Member]:
    """Return what a step adds, by the paths of its members. Raises ImageBuildError."""
    data = await insist("fetching the files of an image", lambda: files(digest))
    if data is None:
        raise ImageBuildError("files that its image adds are not stored any more: deploy again")
    try:
        return read(data)
    except BundleError as problem:
        raise ImageBuildError(f"files that its image adds cannot be read: {problem}") from problem
