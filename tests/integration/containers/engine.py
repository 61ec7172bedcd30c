"""The container engine of this machine: whether it answers, and images for a test."""

from __future__ import annotations

import faulthandler
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

__all__ = ["LABEL", "SERVICES", "TAG", "base", "built", "require", "stock", "sweep"]

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("server", "consumer", "worker")
#: Tag of the images of this checkout: others may build theirs at the same time.
TAG = f"test-{zlib.crc32(str(ROOT).encode()):08x}"
#: The image of Python that everybody has who reaches a registry.
STOCK = "python:3.12-slim"
#: Label of the containers of a run: the process that ends them.
LABEL = "fnq.test.pid"
#: Seconds that a pull may take, and the making of all images.
PULL_S, BUILD_S = 120, 540


def require() -> None:
    """Skip what asks for it where no engine answers."""
    if shutil.which("docker") is None:
        pytest.skip("no container engine: docker is not on the path")
    answer = subprocess.run(["docker", "version"], capture_output=True, text=True)
    if answer.returncode != 0:
        pytest.skip(f"no container engine: {answer.stderr.strip()}")


def stock(name: str) -> str | None:
    """Return what the engine calls an image of a registry that it has now; None: make one here.

    FNQ_REGISTRY names the registry, and then the image must be there; "none" asks none.
    Unset, it is the engine's own, as far as that can be reached.
    """
    registry = os.environ.get("FNQ_REGISTRY", "")
    if registry == "none":
        return None
    full = f"{registry}/{name}" if registry else name
    if _pulled(full):
        return full
    if registry:
        pytest.fail(f"{full} cannot be pulled; FNQ_REGISTRY says that it can")
    return None


def _pulled(name: str) -> bool:
    """Return whether the engine has the image, or could get it."""
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode == 0:
        return True
    try:
        pull = subprocess.run(["docker", "pull", "-q", name], capture_output=True, timeout=PULL_S)
    except subprocess.TimeoutExpired:
        return False
    return pull.returncode == 0


def base() -> str:
    """Return the image to build on: FNQ_BASE, that of a registry, or one made here."""
    named = os.environ.get("FNQ_BASE")
    if named:
        return named
    if found := stock(STOCK):
        return found
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        pytest.skip(f"no base image: {STOCK} cannot be pulled, and no root with debootstrap")
    _run([sys.executable, "services/base.py", "fnq-base"])
    return "fnq-base"


def built(name: str) -> dict[str, str]:
    """Return the ids of the services' images, built on `name` by `make images`."""
    _run(["make", "images", f"BASE={name}", f"TAG={TAG}", "BUILD=--network host"])
    return {each: _id(f"fnq-{each}:{TAG}") for each in SERVICES}


def _id(name: str) -> str:
    """Return the id of an image; a later build takes its name, but not its id."""
    command = ["docker", "image", "inspect", "-f", "{{.Id}}", name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def sweep() -> None:
    """Remove the containers of runs that were killed before they could do it."""
    command = ["docker", "ps", "-a", "--filter", f"label={LABEL}"]
    form = ["--format", f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}']
    listed = subprocess.run([*command, *form], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        name, pid = line.split()
        if not Path(f"/proc/{pid}").exists():
            subprocess.run(["docker", "rm", "-f", "-v", name], capture_output=True)


def _run(command: list[str]) -> None:
    # Its limit is BUILD_S, not the one that tells a hanging test.
    faulthandler.cancel_dump_traceback_later()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
