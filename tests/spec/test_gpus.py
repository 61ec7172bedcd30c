"""GPUs on one machine, which a tool on the path says it has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import one_stack
from tests.spec.program import run

pytestmark = pytest.mark.spec

#: Three GPUs, as the tool of the driver lists them.
TOOL = """#!/bin/sh
echo NVIDIA L4
echo NVIDIA A100-SXM4-80GB
echo NVIDIA L4
"""


@pytest.mark.skipif(
    Path("/proc/driver/nvidia/gpus").exists(), reason="this machine has GPUs of its own"
)
@pytest.mark.skipif(ClusterStack.named(), reason="a cluster places GPUs by itself")
def test_each_worker_sees_gpus_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the model that it asks for; what is missing is said, and the rest is given."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text(TOOL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with one_stack(tmp_path / "stack") as stack:
        done = run(stack, "gpus.py")
        listed = stack.fnq("gpus").stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['0', '2'] 1 None\n"
    lacking = "gpu_others asks for 2 GPUs nvidia-a100, this machine has 1 of them"
    assert [line for line in done.stderr.splitlines() if "asks for" in line] == [
        f"[fnq] {lacking}; it runs all the same (FNQ_LOCAL_STRICT=1: it does not)"
    ]
    assert [line.split()[:4] for line in listed[1:]] == [
        ["NVIDIA", "L4", "idle", "gpu_first"],
        ["NVIDIA", "A100-SXM4-80GB", "idle", "gpu_others"],
        ["NVIDIA", "L4", "idle", "gpu_second"],
    ]
