"""An agent in the background: started once, known by its state, ended."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.agent import Agent, ClusterError, missing, own_environment
from tests.redis import wait_until


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An agent that only sleeps."""
    program = "import time\nprint('up', flush=True)\ntime.sleep(60)"
    made = Agent("sleeper", (sys.executable, "-c", program, str(tmp_path)), (), tmp_path)
    yield made
    made.stop()


def test_an_agent_is_started_once_and_ended(agent: Agent) -> None:
    """A second start finds the first; after the end there is nothing to end."""
    assert agent.pid is None
    agent.start()
    first = agent.pid
    assert first is not None
    agent.start()
    assert agent.pid == first
    wait_until(lambda: "up" in agent.log.read_text())
    agent.stop()
    assert agent.pid is None
    agent.stop()


def test_the_process_of_somebody_else_is_not_taken_for_an_agent(
    agent: Agent, tmp_path: Path
) -> None:
    """An id that was used again names a process without our directory in its command."""
    (tmp_path / "sleeper.pid").write_text("1")
    assert agent.pid is None
    (tmp_path / "sleeper.pid").write_text("")
    assert agent.pid is None


def test_a_port_that_is_taken_is_named_with_the_way_out(tmp_path: Path) -> None:
    """Nothing is started; the variable to set stands in the message."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        agent = Agent("consul", ("false",), (port,), tmp_path)
        with pytest.raises(ClusterError, match=rf"port {port}, .* CONSUL_PORT="):
            agent.start()
    assert not agent.log.exists()


def test_the_programs_that_are_not_on_the_path_are_named() -> None:
    """Those that are there are not."""
    assert missing(["sh", "no-such-program"]) == ["no-such-program"]


def test_tasks_do_not_inherit_what_a_shell_says_about_its_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor secrets, nor where this Python looks for modules; the rest goes along."""
    foreign = {"FNQ_ADDR", "FNQ_TOKEN", "NOMAD_ADDR", "CONSUL_HTTP_TOKEN", "REDIS_PASSWORD"}
    for name in {*foreign, "PYTHONPATH", "LANGUAGE"}:
        monkeypatch.setenv(name, "x")
    given = own_environment()
    assert given["LANGUAGE"] == "x"
    assert given.keys().isdisjoint({*foreign, "PYTHONPATH"})
