"""Run a script, or the specification's tests, on a cluster as one would who typed the export."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from jobs.cluster import Cluster

__all__ = ["PROGRAMS", "environment", "run", "start"]

PROGRAMS = Path(__file__).with_name("programs")


def environment(cluster: Cluster, **more: str) -> dict[str, str]:
    """Return the environment of somebody who uses the cluster."""
    named = {
        "FNQ_ADDR": f"consul://{cluster.consul.address}",
        "NOMAD_ADDR": cluster.nomad.address,
    }
    return {**os.environ, **named, **more}


def run(cluster: Cluster, program: str, *words: str, **env: str) -> str:
    """Run a program, which must succeed, and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / program), *words],
        env=environment(cluster, **env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(cluster: Cluster, program: str, *words: str) -> subprocess.Popen[str]:
    """Start a program; its output is a pipe, its errors come in between."""
    return subprocess.Popen(
        [sys.executable, "-u", str(PROGRAMS / program), *words],
        env=environment(cluster),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
