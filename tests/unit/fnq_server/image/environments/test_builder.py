"""The builder of environments, where its machine or what was deployed fails it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.image import runtime
from fnq_server.image.additions import added
from fnq_server.image.environments import python
from fnq_server.image.environments.builder import Environments
from fnq_wire.archive import Member, pack
from fnq_wire.error import ImageBuildError

STEPS = [spec_pb2.ImageStep(verb="base", arguments=["python:3-slim"])]


@pytest.fixture(autouse=True)
def _one_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "find", lambda _: [python.Python(11, 7, "/usr/bin/python3.11")])


def _say(step: str, output: str) -> None:
    """Hear nothing."""


async def files(digest: str) -> bytes | None:
    """Return what was deployed."""
    return {"broken": b"no zip", "whole": pack({"a": Member(b"1")})[1]}.get(digest)


async def test_what_the_machine_refuses_is_told_as_a_failed_build(tmp_path: Path) -> None:
    """As a full disk, or a directory that is none: in a sentence, not as a fault of the server."""
    (tmp_path / "file").write_text("")
    builder = Environments(str(tmp_path / "file"), files)
    with pytest.raises(ImageBuildError, match=r"cannot be made in .*file: Not a directory"):
        await builder.build(STEPS, {}, _say)


async def test_files_that_are_gone_or_damaged_fail_the_build() -> None:
    """Both builders say it so."""
    assert await added(files, "whole") == {"a": Member(b"1")}
    with pytest.raises(ImageBuildError, match="not stored any more: deploy again"):
        await added(files, "gone")
    with pytest.raises(ImageBuildError, match="cannot be read: not a zip"):
        await added(files, "broken")


async def test_a_copy_that_was_broken_off_goes_when_a_server_starts(tmp_path: Path) -> None:
    """One that is made now stays, and so does what is whole."""
    for name in (f".{runtime.PREFIX}old", f".{runtime.PREFIX}new", f"{runtime.PREFIX}12", "cache"):
        (tmp_path / name).mkdir()
    os.utime(tmp_path / f".{runtime.PREFIX}old", (0, 0))
    await Environments(str(tmp_path), files).tidy([])
    assert sorted(os.listdir(tmp_path)) == [f".{runtime.PREFIX}new", "cache", f"{runtime.PREFIX}12"]
