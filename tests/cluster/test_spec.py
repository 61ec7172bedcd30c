"""The whole of tests/spec, with functions as jobs of Nomad, found through Consul."""

from __future__ import annotations

import faulthandler
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.cluster import Cluster
from tests.cluster.script import environment
from tests.clusterstack import DRIVER
from tests.house import source

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

#: What may be missing on a machine, as the tests that are skipped for it say.
_MISSING = re.compile(
    r": the specification's \S+ is not here|: this Python has no readline"
    r"|: a cluster(?:'s)? |: workers cannot be held to memory and cpu here"
    r"|: late by \d+ ms; memory: "
)
#: The specification's tests, those too that assert how soon something happens.
_ALL = ["-m", "spec", "tests/spec"]


def test_the_specification_holds_for_plain_processes(plain: Cluster, tmp_path: Path) -> None:
    """With the driver raw_exec."""
    _pass(plain, tmp_path)


def test_the_specification_holds_for_containers(contained: Cluster, tmp_path: Path) -> None:
    """With the driver docker, all parts from images."""
    _pass(contained, tmp_path, **{DRIVER: "docker"})


def _pass(cluster: Cluster, folder: Path, **more: str) -> None:
    # The limit is this test's own, not the one that tells a hanging test.
    faulthandler.cancel_dump_traceback_later()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *_ALL, f"--basetemp={folder}/spec"],
        cwd=source.ROOT,
        env=environment(cluster, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout[-20_000:]
    assert unexplained(done.stdout) == []
    assert re.search(r"\d+ passed", done.stdout)


def unexplained(shown: str) -> list[str]:
    """Return the tests that were skipped for another reason than what may be missing."""
    skipped = re.findall("^SKIPPED .*", shown, re.MULTILINE)
    return [line for line in skipped if not _MISSING.search(line)]
