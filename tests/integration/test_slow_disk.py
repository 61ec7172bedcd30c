"""A Redis that is killed while its disk is slow."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from fnq_local.place import Place
from fnq_local.redis import arguments, find
from tests.redis import wait_until

#: Requests of ptrace(2), and the flag of waitpid(2) for a thread that is no child.
_SEIZE, _INTERRUPT, _WALL = 0x4206, 0x4207, 0x40000000
#: Seconds of writing: Redis hands its file to the disk once a second, and waits for that
#: for two before it writes on regardless.
_WRITING_S = 1.9


@contextmanager
def _no_answer_from_the_disk(pid: int) -> Iterator[None]:
    """Hold the thread of Redis that calls fdatasync, as a disk does that is busy.

    The process has to be killed within the block.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    tasks = Path(f"/proc/{pid}/task")
    (thread,) = [int(each.name) for each in tasks.iterdir() if "aof" in _name(each)]
    for request in (_SEIZE, _INTERRUPT):
        if libc.ptrace(request, thread, 0, 0) != 0:
            pytest.skip(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")
    os.waitpid(thread, _WALL)
    yield
    os.waitpid(thread, _WALL)


def _name(task: Path) -> str:
    return (task / "comm").read_text()


def _serve(place: Place) -> tuple[subprocess.Popen[bytes], redis.Redis]:
    command = arguments(find(place.state), place)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=place.socket("redis"), protocol=2)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    wait_until(answers)
    return process, client


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are in no /proc here")
def test_a_killed_redis_has_all_that_it_acknowledged_however_slow_its_disk_is() -> None:
    """What it answered it had written: it does not wait for the disk with its file."""
    with tempfile.TemporaryDirectory(prefix="slow-") as folder:
        place = Place(folder, folder)
        process, client = _serve(place)
        with _no_answer_from_the_disk(process.pid):
            end = time.monotonic() + _WRITING_S
            acknowledged = 0
            while time.monotonic() < end:
                acknowledged = client.incr("count")
            process.kill()
        process.wait(10)
        client.close()

        process, client = _serve(place)
        kept = client.get("count")
        client.close()
        process.kill()
        process.wait(10)
    assert int(kept or 0) == acknowledged
