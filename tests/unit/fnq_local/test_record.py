"""The file that names a running stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_local import proc, record
from fnq_local.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place whose runtime directory is there."""
    (tmp_path / "run").mkdir()
    return Place(str(tmp_path / "state"), str(tmp_path / "run"))


@pytest.fixture
def survivor() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not end by itself."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield child
    child.kill()
    child.wait()


def test_what_a_dead_stack_left_running_is_ended(
    place: Place, survivor: subprocess.Popen[bytes]
) -> None:
    """A recorded process is gone when the call returns."""
    record.write(place, [survivor.pid])
    record.end_survivors(place)
    assert proc.began(survivor.pid) is None


def test_what_ends_right_before_it_is_killed_is_gone_too(
    place: Place, survivor: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not there any more when the signal is sent."""
    kill = os.kill

    def too_late(pid: int, number: int) -> None:
        kill(pid, number)
        survivor.wait()
        kill(pid, number)

    record.write(place, [survivor.pid])
    monkeypatch.setattr(os, "kill", too_late)
    record.end_survivors(place)
    assert proc.began(survivor.pid) is None


def test_a_stranger_with_a_used_id_is_spared(
    place: Place, survivor: subprocess.Popen[bytes]
) -> None:
    """The same id with another beginning is another process."""
    record.write(place, [survivor.pid])
    known = json.loads(Path(place.record).read_text())
    known["processes"][0]["began"] -= 1
    Path(place.record).write_text(json.dumps(known))
    record.end_survivors(place)
    assert survivor.poll() is None


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"processes": 1}'])
def test_a_record_that_is_missing_or_broken_names_nobody(place: Place, text: str | None) -> None:
    """A stack that died while it wrote does not stop the next one."""
    if text is not None:
        Path(place.record).write_text(text)
    record.end_survivors(place)


def test_a_record_names_addresses(place: Place) -> None:
    """Whoever may read it finds server, consumer, Redis and supervisor."""
    record.write(place, [os.getpid()])
    known = json.loads(Path(place.record).read_text())
    assert known["server"] == f"unix:{place.runtime}/server.sock"
    assert known["redis"] == f"unix://{place.runtime}/redis.sock"
