"""Images for a cluster of containers, built on this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from fnq_local import redis
from tests.integration.containers import engine

__all__ = ["PREFIX", "REDIS", "build"]

#: What stands before -server in the names, and Redis' image.
PREFIX = "fnq-spec"
REDIS = f"{PREFIX}-redis:{engine.TAG}"
#: Seconds that one image may take.
_BUILD_S = 540
_REDIS = "ARG BASE\nFROM $BASE\nCOPY redis-server /usr/local/bin/redis-server\n"


def build() -> None:
    """Build them; skips where there is no engine, or nothing to build on."""
    engine.require()
    base = engine.base()
    ids = engine.built(base)
    for service, identity in ids.items():
        # Names of a cluster's own: the tests of containers may build theirs meanwhile.
        _docker("tag", identity, f"{PREFIX}-{service}:{engine.TAG}")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(redis.bundled(), Path(folder) / "redis-server")
        (Path(folder) / "Dockerfile").write_text(_REDIS)
        _docker("build", "-q", "--build-arg", f"BASE={base}", "-t", REDIS, folder)


def _docker(*words: str) -> None:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=_BUILD_S)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
