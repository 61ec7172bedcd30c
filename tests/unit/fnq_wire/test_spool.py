"""The directory for large values."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fnq_wire import owner
from fnq_wire.pieces import Pieces
from fnq_wire.spool import Spool


def values(directory: Path) -> list[str]:
    """Return the names of the values in a spool, in order."""
    return sorted(path.name for path in directory.iterdir() if path.name[:2] in ("v-", "k-"))


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

    def full(descriptor: int, parts: list[memoryview]) -> int:
        os.write(descriptor, parts[0][: len(parts[0]) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(OSError, match="No space left on device"):
        Spool(str(tmp_path)).write(bytes(100))
    assert values(tmp_path) == []


def test_pieces_are_written_in_order_whatever_their_sizes(tmp_path: Path) -> None:
    """Also where the system takes less at once than it is given."""
    parts = [bytes([at % 251]) * size for at, size in enumerate([0, 1, 3 << 20, 7, 2 << 20] * 300)]
    parts = [part if len(part) < 100 or at < 50 else b"" for at, part in enumerate(parts)]
    data, spool = b"".join(parts), Spool(str(tmp_path))
    name = spool.write(Pieces(parts, len(data)))
    assert bytes(spool.map(name, len(data))) == data


def test_what_is_mapped_may_be_written_and_is_nobody_elses(tmp_path: Path) -> None:
    """The file stays as it was, and the memory stays when the file goes."""
    spool = Spool(str(tmp_path))
    name = spool.write(b"large")
    mine, theirs = spool.map(name, 5), spool.map(name, 5)
    mine[0] = ord("b")
    spool.delete(name)
    assert (bytes(mine), bytes(theirs)) == (b"barge", b"large")
    for size in (4, 6, 0):
        other = spool.write(b"large")
        with pytest.raises(ValueError, match=f"has not {size} bytes"):
            spool.map(other, size)


def test_no_file_stays_open_for_a_mapping(tmp_path: Path) -> None:
    """A process may open a thousand, and keep more values than that."""
    spool = Spool(str(tmp_path))
    name = spool.write(b"large")
    before = len(os.listdir("/proc/self/fd"))
    kept = [spool.map(name, 5) for _ in range(100)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert {bytes(each) for each in kept} == {b"large"}


@pytest.mark.parametrize(
    "name", ["../etc/passwd", "owner-" + "a" * 32, "proof-00", "", "k-", "a/b"]
)
def test_what_is_no_value_is_not_touched(tmp_path: Path, name: str) -> None:
    """A runner may send any name."""
    spool = Spool(str(tmp_path))
    attempts: list[Callable[[], object]] = [
        lambda: spool.delete(name),
        lambda: spool.open(name),
        lambda: spool.map(name, 1),
        lambda: spool.adopt(name, 1, 1.0),
        lambda: spool.lend(name, "b" * 32),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="not the name of a spooled value"):
            attempt()


def test_a_link_is_no_value(tmp_path: Path) -> None:
    """It could lead anywhere."""
    spool = Spool(str(tmp_path))
    name = f"k-{'0' * 32}"
    (tmp_path / name).symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        spool.open(name)
    with pytest.raises(ValueError, match="has not"):
        spool.adopt(name, os.stat("/etc/passwd").st_size, 1.0)


def test_a_sweep_leaves_what_a_living_process_owns(tmp_path: Path) -> None:
    """And what is kept until later, and what is not of its making."""
    spool = Spool(str(tmp_path))
    spool.offer(b"proof-of-a-test!")
    mine, kept = spool.write(b"large"), spool.adopt(spool.write(b"kept"), 4, 60.0)
    (tmp_path / "notes.txt").touch()
    spool.sweep()
    assert values(tmp_path) == sorted([mine, kept])
    assert (tmp_path / "notes.txt").exists()
    assert Spool.shared(str(tmp_path), b"proof-of-a-test!") is not None


def test_a_sweep_takes_what_a_dead_process_owned(tmp_path: Path) -> None:
    """Its file as well, however it ended; a copy that it forked does not count."""
    code = (
        "import os, sys, time; from fnq_wire.spool import Spool; s = Spool(sys.argv[1]);"
        "names = s.write(b'args'), s.adopt(s.write(b'kept'), 4, 60.0);"
        "os.fork() or time.sleep(60); print(*names, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as other:
        assert other.stdout is not None
        owned, kept = other.stdout.readline().split()
        spool = Spool(str(tmp_path))
        spool.sweep()
        assert values(tmp_path) == sorted([owned, kept])
        other.kill()
        other.wait()
        spool.sweep()
        assert values(tmp_path) == [kept]
        assert not list(tmp_path.glob("owner-*"))
        os.killpg(other.pid, signal.SIGKILL)
    spool.keep(kept, -1.0)
    spool.sweep()
    assert values(tmp_path) == []


def test_a_value_that_is_lent_has_a_life_of_its_own(tmp_path: Path) -> None:
    """Deleted under one name it is there under the other."""
    lender, borrower = Spool(str(tmp_path)), Spool(str(tmp_path), "b" * 32)
    borrower.claim()
    name = lender.write(b"large")
    lent = lender.lend(name, "b" * 32)
    lender.delete(name)
    lender.sweep()
    assert bytes(borrower.map(lent, 5)) == b"large"


def test_an_owner_whose_file_was_removed_claims_anew(tmp_path: Path) -> None:
    """The directory may be emptied by hand: what is written after that is owned again."""
    spool = Spool(str(tmp_path))
    spool.write(b"large")
    for path in tmp_path.iterdir():
        path.unlink()
    name = spool.write(b"large")
    assert owner.lives(str(tmp_path), owner.mine())
    assert list(tmp_path.glob("owner-*"))
    spool.sweep()
    assert values(tmp_path) == [name]
