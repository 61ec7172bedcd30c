"""The directory for large values."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from fnq_wire.spool import Spool


class _Full(io.FileIO):
    """A file on a disk that has room for half of what is written."""

    def write(self, data: object, /) -> int:
        assert isinstance(data, bytes)
        super().write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_value_is_there_until_it_is_deleted(tmp_path: Path) -> None:
    """Once open it can be read though it is gone."""
    spool = Spool(str(tmp_path))
    name = spool.write(b"large")
    with spool.open(name) as file:
        spool.delete(name)
        spool.delete(name)
        assert file.read() == b"large"
    with pytest.raises(FileNotFoundError):
        spool.open(name)
    with pytest.raises(ValueError, match="not the name of a spooled value"):
        spool.open("../etc/passwd")


def test_a_value_that_is_not_written_whole_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk would stay full: nobody knows the name, so nobody would delete it."""
    monkeypatch.setattr(os, "fdopen", _Full)
    with pytest.raises(OSError, match="No space left on device"):
        Spool(str(tmp_path)).write(bytes(100))
    assert list(tmp_path.iterdir()) == []
