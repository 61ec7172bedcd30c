"""A worker that nobody prepared anything for, as a cluster starts it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.services.house import House
from tests.loop import eventually

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[1] / "programs" / "answer.py"
VERSIONS = "fnq:{default}:version:*"
#: As the first process of a container.
FIRST = ("unshare", "--pid", "--fork", "--kill-child")


def _may_be_first() -> bool:
    try:
        return subprocess.run([*FIRST, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _inner(pid: int) -> int:
    """Return the process that `unshare` made: it passes no signal on, only the exit code."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@contextmanager
def _script(house: House) -> Iterator[subprocess.Popen[str]]:
    """Run a script that calls a function which has no worker yet."""
    script = subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        env=os.environ | {"FNQ_ADDR": house.address("s1")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with script:
        try:
            yield script
        finally:
            script.kill()


@contextmanager
def _worker(house: House, work: Path, *prefix: str) -> Iterator[None]:
    """Run a worker of the one version that is deployed; it must end in order."""
    [key] = house.redis.names(VERSIONS)
    words = ["--server", house.address("s1"), "--consumer", house.address("c1")]
    words += ["--redis", house.redis.url, "--version", key.rpartition(":")[2], "--work", str(work)]
    worker = subprocess.Popen(
        [*prefix, sys.executable, "-m", "fnq_worker", *words],
        env={},
        cwd="/",
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        os.kill(_inner(worker.pid) if prefix else worker.pid, signal.SIGTERM)
        assert worker.wait(15) == 0
    finally:
        worker.kill()
        worker.wait(5)


@pytest.mark.parametrize("prefix", [(), FIRST], ids=["child", "first"])
async def test_a_worker_needs_nothing_but_addresses(
    house: House, tmp_path: Path, prefix: tuple[str, ...]
) -> None:
    """No variable, no zygote and no file of others; it may be the first process there is."""
    if prefix and not _may_be_first():
        pytest.skip("this user may not make a process the first of its namespace")
    await house.start("s1")
    await house.start("c1")
    with _script(house) as script:
        await eventually(lambda: house.redis.names(VERSIONS))
        with _worker(house, tmp_path / "work", *prefix):
            said, _ = await asyncio.to_thread(script.communicate, timeout=30)
    # It says before that nobody has tried the function.
    assert (script.returncode, said.splitlines()[-1]) == (0, "42")
