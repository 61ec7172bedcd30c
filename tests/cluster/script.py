"""Run a script, or the specification's tests, on a cluster as one would who typed the export."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from jobs.consul import Consul
from jobs.nomad import Nomad

__all__ = ["PROGRAMS", "Place", "environment", "fnq", "run", "start"]

PROGRAMS = Path(__file__).with_name("programs")


class Place(Protocol):
    """Where a cluster is: on one machine, or on several."""

    @property
    def consul(self) -> Consul:
        """Its Consul."""

    @property
    def nomad(self) -> Nomad:
        """Its Nomad."""


def environment(cluster: Place, **more: str) -> dict[str, str]:
    """Return the environment of somebody who uses the cluster."""
    named = {
        "FNQ_ADDR": f"consul://{cluster.consul.address}",
        "NOMAD_ADDR": cluster.nomad.address,
    }
    return {**os.environ, **named, **more}


def run(cluster: Place, program: str, *words: str, **env: str) -> str:
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


def fnq(cluster: Place, *words: str, **env: str) -> str:
    """Run the command fnq, which must succeed, and return what it printed."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("fnq")), *words],
        env=environment(cluster, **env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def start(cluster: Place, program: str, *words: str, **env: str) -> subprocess.Popen[str]:
    """Start a program; its output is a pipe, its errors come in between."""
    return subprocess.Popen(
        [sys.executable, "-u", str(PROGRAMS / program), *words],
        env=environment(cluster, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
