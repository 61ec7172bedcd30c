"""What a Dockerfile may copy from: a tar archive in memory. Pure: equal files, equal bytes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

from fnq_wire.archive import Member

__all__ = ["DOCKERFILE", "pack"]

#: Name of the Dockerfile in the archive.
DOCKERFILE = "Dockerfile"
_MAY_RUN, _MAY_READ = 0o755, 0o644


def pack(dockerfile: str, members: Mapping[str, Member]) -> bytes:
    """Return an archive of a Dockerfile and of members by their paths in it."""
    whole = {DOCKERFILE: Member(dockerfile.encode())} | dict(members)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(whole):
            archive.addfile(_head(path, whole[path]), io.BytesIO(whole[path].data))
    return buffer.getvalue()


def _head(path: str, member: Member) -> tarfile.TarInfo:
    """Return what describes a member: it has neither owner nor time of its own."""
    head = tarfile.TarInfo(path.rstrip("/"))
    head.mode = _MAY_RUN if member.may_run or path.endswith("/") else _MAY_READ
    if path.endswith("/"):
        head.type = tarfile.DIRTYPE
    elif member.link:
        head.type, head.linkname = tarfile.SYMTYPE, member.link
    else:
        head.size = len(member.data)
    return head
