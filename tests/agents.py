"""Consul and Nomad of a test's own, at ports that nobody else has."""

from __future__ import annotations

import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from jobs.agent import missing
from jobs.cluster import Cluster

__all__ = ["cluster", "lacking", "ports"]


def lacking() -> str:
    """Return which of the two programs are not here; empty when both are."""
    return ", ".join(missing(["consul", "nomad"]))


@contextmanager
def cluster(kind: type[Cluster] = Cluster, **settings: object) -> Iterator[Cluster]:
    """Give a cluster that is not up yet; afterwards nothing is left of it."""
    # Not pytest's folder for temporary files: its names are too long for a socket.
    with tempfile.TemporaryDirectory(prefix="c-") as folder:
        consul, nomad = ports()
        state = Path(folder).resolve() / "s"
        made = kind(state=state, consul_port=consul, nomad_port=nomad)
        made = replace(made, **settings)  # type: ignore[arg-type]  # as its fields are typed
        try:
            yield made
        finally:
            made.down()
            assert not state.exists()


def ports() -> tuple[int, int]:
    """Return two ports for HTTP, of Consul and Nomad; their others are free, too."""
    while True:
        # Below those that the kernel and Nomad give out.
        consul = random.randrange(10_000, 19_000, 10)
        if all(
            map(_free, (consul, *range(consul - 200, consul - 197), *range(consul + 1, consul + 4)))
        ):
            return consul, consul + 1


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
