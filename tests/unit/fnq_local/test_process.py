"""One running process, started, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fnq_local import proc
from fnq_local.logfile import LogFile
from fnq_local.plain import PlainLauncher
from fnq_local.process import Exit
from fnq_wire.error import StackError
from tests.unit.fnq_local.stack import until

_STUBBORN = (
    "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
)


@pytest.mark.parametrize(
    ("code", "text"),
    [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal 9 (SIGKILL)"), (-99, "signal 99")],
)
def test_an_exit_reads_as_people_say_it(code: int, text: str) -> None:
    """Signals have their names."""
    assert str(Exit(code)) == text


def test_the_exit_of_a_program_is_told(tmp_path: Path) -> None:
    """The code is the one it ended with, what it wrote is in its log, and it left no zombie."""

    async def scene() -> tuple[int, int]:
        plain = PlainLauncher()
        plain.watch()
        log = LogFile(str(tmp_path / "log"))
        process = plain.launch([sys.executable, "-c", "print('hello'); exit(5)"], log)
        ended = await asyncio.wait_for(process.exit, 10)
        assert log.last_line() == "hello"
        process.signal(signal.SIGTERM)
        return process.pid, ended.code

    pid, code = asyncio.run(scene())
    assert code == 5
    assert not os.path.exists(f"/proc/{pid}")


def test_a_program_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    """Stopping takes no longer than the grace."""

    async def scene() -> Exit:
        plain = PlainLauncher()
        plain.watch()
        log = LogFile(str(tmp_path / "log"))
        process = plain.launch([sys.executable, "-c", _STUBBORN], log)
        await asyncio.to_thread(until, lambda: log.last_line() == "deaf", "the program")
        await process.stop(grace_s=0.05)
        return process.exit.result()

    assert asyncio.run(scene()) == Exit(-9)


def test_a_program_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    """The error names it."""

    async def scene() -> None:
        PlainLauncher().launch(["/nowhere/at-all"], LogFile(str(tmp_path / "log")))

    with pytest.raises(StackError, match="cannot start /nowhere/at-all"):
        asyncio.run(scene())


def test_a_program_dies_with_whoever_launched_it(tmp_path: Path) -> None:
    """Even when that is killed and can do nothing about it."""
    code = (
        "import asyncio, sys\n"
        "from fnq_local.logfile import LogFile\n"
        "from fnq_local.plain import PlainLauncher\n"
        "async def main():\n"
        "    argv = [sys.executable, '-c', 'import signal; signal.pause()']\n"
        f"    log = LogFile({str(tmp_path / 'log')!r})\n"
        "    print(PlainLauncher().launch(argv, log).pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert proc.began(pid) is not None
        parent.kill()
        until(lambda: proc.began(pid) is None, "the end of the program")
