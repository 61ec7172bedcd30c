"""What the tests of the runner share: one zygote, and agents that leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fnq_runner.agent import Agent, bundle
from tests.unit.fnq_runner.zygote import zygote_at


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a zygote that serves all tests of a run."""
    with zygote_at(tmp_path_factory.mktemp("z") / "z.sock") as path:
        yield path


@pytest.fixture
def start(zygote: Path, tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Start a runner of the source it is given; ready, unless `ready=False`."""
    agents: list[Agent] = []

    def begin(source: str, *, ready: bool = True, **hello: Any) -> Agent:
        root = bundle(tmp_path / f"bundle{len(agents)}", source)
        agents.append(Agent(zygote, root, **hello))
        return agents[-1].ready() if ready else agents[-1]

    yield begin
    for agent in agents:
        agent.close()
