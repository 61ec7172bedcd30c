"""What comes out of a volume, as local files and folders."""

from __future__ import annotations

import os
import sys
import uuid
from types import TracebackType
from typing import BinaryIO, Self

from chalkcompute.cli.upload import leads_out
from fnq.v1 import volumes_pb2

__all__ = ["Download"]


class Download:
    """Makes what comes at `local`; needs `close`: use it in a `with` statement.

    A file is there once it is whole. Nothing is written outside of `local`, whatever the
    volume holds: not through links, and not by paths that lead up.
    """

    def __init__(self, local: str) -> None:
        self._local = os.fsencode(local)
        self._file: BinaryIO | None = None
        self._unfinished = self._path = b""
        self._mode = 0
        self.files = self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            if kind is None:
                self._keep()
            else:
                os.unlink(self._unfinished)

    def take(self, part: volumes_pb2.GetPart) -> None:
        """Go on with the file at hand, or begin what the part names. Raises OSError."""
        if part.HasField("entry"):
            self._finish()
            self._begin(part.entry)
        if part.data and self._file is not None:
            self._file.write(part.data)
            self.bytes += len(part.data)

    def _begin(self, entry: volumes_pb2.VolumeEntry) -> None:
        path = self._place(entry.path)
        if entry.kind == "folder":
            os.makedirs(path, exist_ok=True)
            if entry.path:
                # Its owner can always write in it: what is in it comes next. The top of a
                # volume is open to all, in a folder that is not; so it is not copied.
                os.chmod(path, entry.mode | 0o700)
        elif entry.kind == "link" and entry.path:
            self._link(path, entry)
        elif entry.kind == "file":
            os.makedirs(os.path.dirname(path) or b".", exist_ok=True)
            self._path, self._mode = path, entry.mode
            self._unfinished = path + b".fnq-get-" + uuid.uuid4().hex.encode()
            self._file = open(self._unfinished, "xb")  # noqa: SIM115 - `_finish` closes it
        elif not entry.path:
            what = "a link" if entry.kind == "link" else "something else"
            raise ValueError(f"what was asked for is neither a file nor a folder, but {what}")
        else:
            _leave_out(path, "is neither a file nor a folder")

    def _place(self, way: bytes) -> bytes:
        """Return where an entry belongs. Raises ValueError for one that belongs nowhere."""
        names = way.split(b"/") if way else []
        if not all(names) or b".." in names or b"." in names:
            raise ValueError(f"what came is no path in a volume: {way!r}")
        path = self._local
        for name in names[:-1]:
            path = os.path.join(path, name)
            if os.path.islink(path):
                raise ValueError(f"{os.fsdecode(path)} is a link, and nothing is put through it")
        return os.path.join(path, names[-1]) if names else path

    def _link(self, path: bytes, entry: volumes_pb2.VolumeEntry) -> None:
        if leads_out(entry.path, entry.target):
            _leave_out(path, "is a link to somewhere else")
            return
        unfinished = path + b".fnq-get-" + uuid.uuid4().hex.encode()
        os.symlink(entry.target, unfinished)
        os.replace(unfinished, path)

    def _finish(self) -> None:
        if self._file is not None:
            self._file.close()
            self._keep()

    def _keep(self) -> None:
        os.chmod(self._unfinished, self._mode)
        os.replace(self._unfinished, self._path)
        self._file = None
        self.files += 1


def _leave_out(path: bytes, why: str) -> None:
    sys.stderr.write(f"[fnq] left out: {ascii(os.fsdecode(path))[1:-1]} {why}\n")
