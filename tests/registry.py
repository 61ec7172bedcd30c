"""A registry of images on this machine: the program `docker-registry`, where it is installed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.livestack import wait_until
from tests.ports import free_port

__all__ = ["PASSWORD", "USER", "registry", "tags"]

#: The login at a registry that asks for one, and that as its file has it.
USER, PASSWORD = "team", "hunter2"
_HASHED = "team:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n"

_CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
"""
_AUTH = "auth: {{htpasswd: {{realm: test, path: {file}}}}}\n"


@contextmanager
def registry(folder: Path, *, login: bool = False) -> Iterator[str]:
    """Have an empty registry, and give its address; skips where there is no program.

    With `login` it answers USER alone.
    """
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no registry of images: docker-registry is not on the path")
    address = f"127.0.0.1:{free_port()}"
    config = folder / "registry.yml"
    text = _CONFIG.format(folder=folder / "images", address=address)
    if login:
        (folder / "htpasswd").write_text(_HASHED)
        text += _AUTH.format(file=folder / "htpasswd")
    config.write_text(text)
    with (folder / "registry.log").open("wb") as log:
        command = [program, "serve", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until("the registry answers", lambda: _asked(f"http://{address}/v2/") is not None)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def tags(address: str, repository: str) -> list[str]:
    """Return the tags that a registry has of a repository."""
    found = _asked(f"http://{address}/v2/{repository}/tags/list")
    return [] if found is None else list(json.loads(found)["tags"] or [])


def _asked(url: str) -> bytes | None:
    told = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {told}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - on loopback
            body: bytes = answer.read()
            return body
    except (urllib.error.URLError, ConnectionError):
        return None
