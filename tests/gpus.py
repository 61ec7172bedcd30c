"""A Nomad with GPUs that do not exist: an agent with a device plugin of the tests' own."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jobs import command, remains
from jobs.agent import Agent, await_that
from jobs.cluster import Cluster
from jobs.http import RefusalError, ask
from tests import agents

__all__ = ["CardedCluster", "Rack", "rack"]

#: Seconds in which the agent answers and its plugin has said what there is.
_UP_S = 60.0
_PLUGIN = "fake_gpu"
_SOURCE = Path(__file__).with_name("fakegpu.py")


@dataclass(frozen=True, slots=True)
class Rack:
    """One node; its cards are what `insert` says."""

    address: str
    state: Path

    @property
    def inventory(self) -> Path:
        """The file that the plugin reads whenever it changes."""
        return self.state / "gpus.json"

    def insert(self, *cards: dict[str, Any]) -> None:
        """Have these cards in place of what was there: "model", "memory_mib", "ids"."""
        draft = self.inventory.with_suffix(".new")
        draft.write_text(json.dumps(cards), "utf-8")
        draft.replace(self.inventory)

    def sound(self) -> int:
        """Return how many cards that are well Nomad knows of, on nodes that are ready."""
        try:
            nodes = ask("GET", f"{self.address}/v1/nodes?resources=true")
        except RefusalError:
            return 0
        return sum(
            card["Healthy"]
            for node in nodes
            if node["Status"] == "ready"
            for group in node["NodeResources"]["Devices"] or ()
            for card in group["Instances"]
        )


@contextmanager
def rack(*cards: dict[str, Any]) -> Iterator[Rack]:
    """Give a Nomad whose one node has these cards; afterwards nothing is left of it."""
    # Not pytest's folder for temporary files: its names are too long for a socket.
    with tempfile.TemporaryDirectory(prefix="g-") as folder:
        state = Path(folder).resolve() / "s"
        state.mkdir(mode=0o711)
        _, port = agents.ports()
        made = Rack(f"http://127.0.0.1:{port}", state)
        made.insert(*cards)
        agent = _agent(made, port)
        try:
            agent.start()
            await_that("Nomad has the cards", made.sound, _UP_S)
            yield made
        finally:
            agent.stop()
            remains.end(state)


def _agent(made: Rack, port: int) -> Agent:
    command.configure_nomad(port, made.state, "127.0.0.1:9")
    return _with_plugin(command.nomad(port, made.state), made.state, made.inventory)


def _with_plugin(plain: Agent, state: Path, inventory: Path) -> Agent:
    """Return an agent that has the cards which a file tells of."""
    plugins = state / "plugins"
    plugins.mkdir(exist_ok=True)
    program = plugins / _PLUGIN
    # Nomad starts it with an environment of its own.
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_SOURCE}" "$@"\n', "utf-8")
    program.chmod(0o755)
    settings = {
        "plugin_dir": str(plugins),
        "plugin": [{_PLUGIN: [{"args": [str(inventory)]}]}],
    }
    extra = state / "gpus.nomad.json"
    extra.write_text(json.dumps(settings), "utf-8")
    return replace(plain, command=(*plain.command, f"-config={extra}"))


class CardedCluster(Cluster):
    """A cluster whose node says that it has GPUs: eight L4, which nothing is behind."""

    def _agents(self) -> tuple[Agent, Agent]:
        consul, nomad = super()._agents()
        if not self.state.exists():
            return consul, nomad
        inventory = self.state / "gpus.json"
        ids = [f"GPU-l4-{number}" for number in range(8)]
        cards = [{"model": "NVIDIA L4", "memory_mib": 23_034, "ids": ids}]
        inventory.write_text(json.dumps(cards), "utf-8")
        return consul, _with_plugin(nomad, self.state, inventory)

    def variables(self, job: str) -> dict[str, str | int]:
        """Return them for a Docker that has no runtime for GPUs."""
        told = super().variables(job)
        return told | {"worker_gpu_runtime": ""} if job == "server" else told
