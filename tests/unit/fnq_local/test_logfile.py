"""The log files of a stack."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fnq_local import logfile
from fnq_local.logfile import LogFile
from fnq_wire.error import StackError


def _write(log: LogFile, text: str) -> None:
    file = log.open()
    os.write(file, text.encode())
    os.close(file)


def test_the_last_line_is_one_of_the_present_run(tmp_path: Path) -> None:
    """What an earlier run wrote explains nothing now."""
    log = LogFile(str(tmp_path / "server.log"))
    assert log.last_line() == ""
    _write(log, "first\nsecond\n\n")
    assert log.last_line() == "second"
    os.close(log.open())
    assert log.last_line() == ""


def test_a_large_log_makes_room_when_its_process_starts(tmp_path: Path) -> None:
    """The old file is kept once, the new one begins empty."""
    path = tmp_path / "server.log"
    with path.open("wb") as file:
        file.truncate(9 << 20)
    _write(LogFile(str(path)), "new\n")
    assert path.read_text() == "new\n"
    assert (tmp_path / "server.log.1").stat().st_size == 9 << 20


def test_a_log_that_grows_while_its_process_runs_is_emptied(tmp_path: Path) -> None:
    """Files over the bound are emptied, others stay."""
    (tmp_path / "large").write_text("x" * 101)
    (tmp_path / "small").write_text("x" * 99)
    logfile.bound(str(tmp_path), most=100)
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {
        "large": 0,
        "small": 99,
    }


def _logs(folder: Path, *sizes: int) -> list[str]:
    """Make worker logs of these sizes, the newest first; return their names."""
    names = [f"worker-{number}.log" for number in range(len(sizes))]
    for age, (name, size) in enumerate(zip(names, sizes, strict=True)):
        (folder / name).write_bytes(bytes(size))
        os.utime(folder / name, (1000 - age, 1000 - age))
    (folder / "server.log").write_bytes(bytes(10_000))
    return names


def _left(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.glob("worker-*")}


def test_only_the_newest_logs_of_a_kind_are_kept(tmp_path: Path) -> None:
    """As many as asked for; others are not touched."""
    first, second, _ = _logs(tmp_path, 1, 1, 1)
    logfile.prune(str(tmp_path), "worker-", keep=2, most=100)
    assert _left(tmp_path) == {first: 1, second: 1}
    assert (tmp_path / "server.log").stat().st_size == 10_000


def test_logs_of_a_kind_together_are_bounded(tmp_path: Path) -> None:
    """The oldest go first."""
    first, second, _, _ = _logs(tmp_path, 10, 40, 60, 1)
    logfile.prune(str(tmp_path), "worker-", keep=9, most=100)
    assert _left(tmp_path) == {first: 10, second: 40}


def test_logs_in_use_stay_whatever_their_age(tmp_path: Path) -> None:
    """They count, and are emptied, the largest first, when they alone are too much."""
    names = _logs(tmp_path, 10, 10, 50, 70)
    used = {str(tmp_path / name) for name in names[2:]}
    logfile.prune(str(tmp_path), "worker-", keep=2, most=200, used=used)
    assert _left(tmp_path) == {names[2]: 50, names[3]: 70}
    logfile.prune(str(tmp_path), "worker-", keep=2, most=100, used=used)
    assert _left(tmp_path) == {names[2]: 50, names[3]: 0}


def test_a_log_that_cannot_be_written_is_an_error_with_its_path(tmp_path: Path) -> None:
    """A directory in its place is named."""
    (tmp_path / "server.log").mkdir()
    with pytest.raises(StackError, match=r"cannot write .*/server\.log"):
        LogFile(str(tmp_path / "server.log")).open()
