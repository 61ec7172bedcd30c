"""Give the suite a home of its own, and see that nothing is left in it.

The code under test, and every process it starts, finds its home, its runtime
directory and its temporary files below one folder made for this run. A mark in the
environment tells the processes of this run from all others on the machine. Where
pytest-xdist runs tests side by side, each of its workers is such a run; of those over real
processes, which need a machine that is not full, the ones of a folder run one by one.
"""

from __future__ import annotations

import importlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from fnq_local.redis import find

MARK = "FNQ_TEST_RUN"
#: Path of the Redis or Valkey server to test with, in place of the first that is found.
REDIS = "FNQ_TEST_REDIS"
#: Seconds that a process has after the last test to see that it should go.
GRACE = 15.0

#: Where tests lie that need little besides their own process.
_LONE = ("tests/unit/", "tests/house/")

# A loaded machine is slow; only the time limit of a test says that it hangs.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


def _keep_forks_single() -> None:
    """Have gRPC start no threads of its own in what is forked off this process.

    A launcher under test runs code between fork and exec, as it may in a supervisor, which
    has one thread and no gRPC; here other tests use it. Its settings are read once.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRPC_ENABLE_FORK_SUPPORT", "0")
        importlib.import_module("grpc").insecure_channel("127.0.0.1:1").close()


# Before any test's module is imported.
_keep_forks_single()


def pytest_configure(config: pytest.Config) -> None:
    """Move home, runtime directory and temporary files before anything reads them."""
    if config.getoption("numprocesses", None):
        return  # Its workers run the tests.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.gettempdir()
    # Short, since the path of a Unix socket has room for 107 bytes; with our id, so
    # that whoever finds it after a crash can tell whether its run is over.
    root = Path(tempfile.mkdtemp(prefix=f"fnq-t-{os.getpid()}-"))
    os.environ[MARK] = str(root)
    # What uv has downloaded once is not downloaded again.
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    os.environ.setdefault("UV_CACHE_DIR", os.path.join(caches, "uv"))
    places = {
        "HOME": "home",
        "TMPDIR": "tmp",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_CONFIG_HOME": "home/.config",
        "XDG_DATA_HOME": "home/.local/share",
        "XDG_RUNTIME_DIR": "run",
        "XDG_STATE_HOME": "home/.local/state",
    }
    for name, place in places.items():
        (root / place).mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ[name] = str(root / place)
    tempfile.tempdir = None
    # Not before: it imports gRPC.
    from tests.clusterstack import keep_address

    os.environ.update(keep_address(os.environ))
    for name in [each for each in os.environ if each.startswith("FNQ_") and each != MARK]:
        if name not in ("FNQ_BASE", "FNQ_KILL", "FNQ_REGISTRY", "FNQ_SOAK", REDIS):
            del os.environ[name]
    if REDIS in os.environ:
        _prefer(Path(os.environ[REDIS]), root / "bin")


def _prefer(server: Path, folder: Path) -> None:
    """Let every search for a server, by whatever process of this run, find this one first."""
    if not os.access(server, os.X_OK):
        raise pytest.UsageError(f"{REDIS}={server}: no program is there")
    folder.mkdir()
    # The name that is looked for first, whichever of the two it is.
    (folder / "valkey-server").symlink_to(server.absolute())
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give out the files of tests, those over real processes a folder at a time."""
    from xdist.scheduler import LoadScopeScheduling

    class OneByOne(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", maxsplit=1)[0]
            return file if file.startswith(_LONE) else str(Path(file).parent)

    return OneByOne(config, log)


def pytest_report_header(config: pytest.Config) -> str:
    """Say which Redis is tested with."""
    path = find()
    asked = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    return f"redis: {Path(path).resolve()}: {asked.stdout.strip()}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder of this run."""
    if MARK in os.environ:
        shutil.rmtree(os.environ.pop(MARK), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Fail the run when a process, a socket or a temporary file of ours outlives it."""
    root = Path(os.environ[MARK])
    yield
    until = time.monotonic() + GRACE
    while (processes := _processes(root)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [*processes, *_sockets(root), *_files(root / "tmp")]
    assert not left, "left after the suite:\n  " + "\n  ".join(left)


def _processes(root: Path) -> list[str]:
    """Return the processes that carry the mark of this run or name its folder."""
    mark = f"{MARK}={root}".encode()
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            ours = mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # It has ended, or belongs to somebody else.
            continue
        # A zombie has no command line any more, and has left all it held.
        if words != [b""] and (ours or any(str(root).encode() in word for word in words)):
            found.append(f"process {entry.name}: {b' '.join(words).decode(errors='replace')}")
    return found


def _sockets(root: Path) -> list[str]:
    """Return the sockets that lie below `root`."""
    return [f"socket {path}" for path in root.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]


def _files(folder: Path) -> list[str]:
    """Return what lies in the folder for temporary files."""
    return [f"temporary file {path}" for path in folder.iterdir()]
