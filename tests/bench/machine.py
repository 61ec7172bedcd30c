"""What the figures were measured on, in general words."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from fnq_local.redis import find
from tests.rest import page_us

__all__ = ["describe"]

_PACKAGES = ("grpcio", "protobuf", "redis", "hiredis", "uvloop")


def describe() -> dict[str, str]:
    """Return the processor, the versions, and how busy the machine is already."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return {
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}; {packages}",
        "redis": _redis(),
        "load": f"{os.getloadavg()[0]:.1f} processes ran in the minute before",
        "memory": f"{page_us():.2f} us for a page that rested 100 ms",
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _redis() -> str:
    path = find()
    said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"v=([\d.]+)", said)
    return f"{Path(path).name} {found[1] if found else ''}".strip()
