"""One stack per state directory."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from fnq_local.lock import Lock
from tests.unit.fnq_local.stack import until


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    """A second taker is refused until the first has let go."""
    first, second = Lock(str(tmp_path / "lock")), Lock(str(tmp_path / "lock"))
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()
    second.release()


def test_a_lock_tells_where_its_holder_is(tmp_path: Path) -> None:
    """Also to who does not get it; nothing any more once it is let go of."""
    first, second = Lock(str(tmp_path / "lock")), Lock(str(tmp_path / "lock"))
    assert second.note() == ""
    assert first.take()
    first.write("/run/a-long-name")
    first.write("/run/user/1/fnq")
    assert not second.take()
    assert second.note() == "/run/user/1/fnq"
    first.release()
    assert second.note() == ""
    second.release()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """After kill -9 the file is still there and the lock is free."""
    path = tmp_path / "lock"
    code = f"from fnq_local.lock import Lock; assert Lock({str(path)!r}).take(); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    lock = Lock(str(path))

    def held() -> bool:
        taken = lock.take()
        lock.release()
        return not taken

    until(lambda: path.exists() and held(), "the holder")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert holder.stdin is not None
    holder.stdin.close()
    assert path.exists()
    assert lock.take()
    lock.release()
