"""How the agents of a cluster on this machine are started."""

from __future__ import annotations

import json
from pathlib import Path

from jobs.command import configure_nomad


def test_a_cluster_leaves_what_another_nomad_runs_in_containers_alone(tmp_path: Path) -> None:
    """Two share the engine of a machine; Nomad kills what it does not know, unless told not to."""
    configure_nomad(4646, tmp_path, "127.0.0.1:8500")
    [docker] = json.loads((tmp_path / "nomad.json").read_text())["plugin"][0]["docker"]
    [collected] = docker["config"][0]["gc"]
    assert collected["dangling_containers"] == [{"enabled": False}]
    assert collected["image"] is False
