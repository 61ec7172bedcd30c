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
from tests.house import source

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1200)]

#: Tests that must have passed: all of tests/spec where its examples are.
LEAST = 15


def test_the_specification_holds_for_plain_processes(plain: Cluster, tmp_path: Path) -> None:
    """With the driver raw_exec."""
    _pass(plain, tmp_path)


def test_the_specification_holds_for_containers(contained: Cluster, tmp_path: Path) -> None:
    """With the driver docker, all parts from images."""
    _pass(contained, tmp_path)


def _pass(cluster: Cluster, folder: Path) -> None:
    # The limit is this test's own, not the one that tells a hanging test.
    faulthandler.cancel_dump_traceback_later()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", f"--basetemp={folder}/spec", "tests/spec"],
        cwd=source.ROOT,
        env=environment(cluster),
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout[-20_000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= LEAST
