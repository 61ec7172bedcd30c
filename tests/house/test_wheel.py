"""The wheel is what is tested: what a caller installs is enough, light and complete."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.house import source

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: What a fresh interpreter that imports the SDK may take of the CPU of one that imports these.
#: Seconds alone say more of the machine: some take three times as long as others.
MOST_CPU, USUAL = 1.5, "asyncio, dataclasses, inspect, json, logging, subprocess, typing"
#: What `pip install fnq` must not need, and what an import alone must not load.
SERVICES = ("fnq_consumer", "fnq_core", "fnq_local", "fnq_runner", "fnq_server", "fnq_worker")
SERVER_ONLY = (*SERVICES, "hiredis", "redis", "uvloop", "valkey")
HEAVY = ("fnq", "google.protobuf", "grpc", "numpy", "pyarrow", "structlog")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel built from the source tree."""
    out = tmp_path_factory.mktemp("wheel")
    command = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source.ROOT)]
    run = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clean interpreter with the wheel and its base dependencies, no extra."""
    return _clean(wheel, tmp_path_factory.mktemp("clean"), "")


def _clean(wheel: Path, folder: Path, extra: str) -> Path:
    """Return a new interpreter below `folder` with the wheel and what it needs with `extra`."""
    venv.create(folder, symlinks=True)
    interpreter = folder / "bin" / "python"
    command = ["-m", "pip", "--python", str(interpreter), "install", "--no-deps", "--no-index"]
    run = subprocess.run([sys.executable, *command, str(wheel)], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    site = next(folder.glob("lib/python*/site-packages"))
    _link_dependencies("fnq", {extra}, site, set())
    return interpreter


def test_the_wheel_holds_every_package(wheel: Path) -> None:
    """Each package, its stubs and the mark of a typed SDK are inside; tests are not."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {
        "chalkcompute",
        "fnq",
        "fnq_wire",
        *SERVICES,
        f"fnq-{metadata.version('fnq')}.dist-info",
    }
    assert {"chalkcompute/py.typed", "fnq/v1/session_pb2.pyi"} <= set(names)


def test_importing_the_sdk_loads_nothing_heavy_and_no_service(python: Path) -> None:
    """`import chalkcompute` loads no gRPC, protobuf, Arrow, Redis or service."""
    loaded = _run(python, "import chalkcompute, sys; print('\\n'.join(sys.modules))").split()
    assert not {*HEAVY, *SERVER_ONLY}.intersection(loaded)


def test_a_caller_needs_no_extra(python: Path) -> None:
    """Every module of the SDK imports with the base dependencies alone."""
    code = (
        "import chalkcompute, importlib, pkgutil, sys\n"
        "for each in pkgutil.walk_packages(chalkcompute.__path__, 'chalkcompute.'):\n"
        "    if not each.name.endswith('__main__'):\n"
        "        importlib.import_module(each.name)\n"
        "print('\\n'.join(sys.modules))\n"
    )
    assert not set(SERVER_ONLY).intersection(_run(python, code).split())


@pytest.mark.parametrize("service", ["server", "consumer", "worker"])
def test_a_service_needs_no_more_than_its_extra(wheel: Path, service: str, tmp_path: Path) -> None:
    """Each starts where its own extra is installed, and no other."""
    interpreter = _clean(wheel, tmp_path, service)
    command = [str(interpreter), "-I", "-m", f"fnq_{service}", "--help"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.timed
def test_importing_the_sdk_is_cheap(python: Path) -> None:
    """It takes little more than what most programs import anyway."""
    code = "import {}, time; print(time.process_time())"
    pairs = [
        [float(_run(python, code.format(each))) for each in ("chalkcompute", USUAL)]
        for _ in range(5)
    ]
    ours, usual = map(min, zip(*pairs, strict=True))
    assert ours < MOST_CPU * usual, f"{ours:.3f} s of CPU, the usual modules take {usual:.3f} s"


def _run(python: Path, code: str) -> str:
    """Return what `code` prints, in that interpreter and with no folder of ours on its path."""
    run = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def _link_dependencies(name: str, extras: set[str], site: Path, seen: set[str]) -> None:
    """Link what distribution `name` requires with `extras` into `site`.

    Links stand in for a download: the very files that are installed here.
    """
    for requirement in map(Requirement, metadata.requires(name) or []):
        marker = requirement.marker
        wanted = marker is None or any(marker.evaluate({"extra": each}) for each in extras | {""})
        if not wanted or requirement.name in seen:
            continue
        seen.add(requirement.name)
        here = metadata.distribution(requirement.name)
        for top in {file.parts[0] for file in here.files or [] if file.parts[0] != ".."}:
            target = Path(str(here.locate_file(top)))
            if not (site / top).exists():
                (site / top).symlink_to(target)
        _link_dependencies(requirement.name, requirement.extras, site, seen)
