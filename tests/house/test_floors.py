"""Imports point down the floors, and a runner's interpreter stays the user's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.house import source

#: What must never be loaded where user code runs.
FOREIGN = (
    "consul",
    "fnq",
    "fnq_core",
    "google.protobuf",
    "grpc",
    "hiredis",
    "redis",
    "rich",
    "structlog",
    "uvloop",
)
#: A command of Redis, or the name of a key.
REDIS = re.compile(r"execute_command|\.pipeline\(|register_script|\"fnq:(?!/)")


def test_imports_point_down() -> None:
    """Every contract of [tool.importlinter] is kept."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-logo"], cwd=source.ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_redis_has_one_door() -> None:
    """Only fnq_core knows commands and names of keys."""
    services = source.ROOT / "services"
    found = [
        f"{source.place(path, number)}: {line.strip()}"
        for path in source.files()
        if path.is_relative_to(services) and "fnq_core" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if REDIS.search(line)
    ]
    assert found == []


def test_a_runner_loads_neither_grpc_nor_redis_nor_protobuf() -> None:
    """Importing all of fnq_runner and the SDK's facade loads none of FOREIGN."""
    assert _loaded_after(
        "import chalkcompute, fnq_runner, importlib, pkgutil\n"
        "for each in pkgutil.iter_modules(fnq_runner.__path__, 'fnq_runner.'):\n"
        "    importlib.import_module(each.name)\n"
    ).isdisjoint(FOREIGN)


def test_failures_and_frames_need_only_the_standard_library() -> None:
    """The pipe, the errors and the failures load no package that is not Python's own."""
    loaded = _loaded_after("import fnq_wire.error, fnq_wire.failure, fnq_wire.pipe\n")
    assert loaded.isdisjoint({*FOREIGN, "numpy", "pyarrow"})


def _loaded_after(code: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has loaded after `code`."""
    run = subprocess.run(
        [sys.executable, "-c", code + "import sys\nprint('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())
