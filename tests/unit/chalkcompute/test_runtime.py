"""The process' one session."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from chalkcompute import parting, runtime
from chalkcompute.errors import ConnectionLostError
from tests.unit.chalkcompute.memory import MemorySession

#: Never loaded by the facade: they are for a session, for values, or for loops.
HEAVY = {"asyncio", "fnq", "google.protobuf", "grpc", "numpy", "pyarrow", "structlog", "subprocess"}


class Server:
    """Stand for a stream to a server."""

    def __init__(self, config: object) -> None:
        self.config = config
        self.closed = 0
        self.over = False
        self.ready = True

    def close(self) -> None:
        """Count goodbyes."""
        self.closed += 1


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions be opened to nobody."""
    runtime.install(None)
    monkeypatch.setitem(sys.modules, "chalkcompute.session", SimpleNamespace(ServerSession=Server))
    monkeypatch.setattr(parting, "attend", lambda: None)


def test_what_is_installed_is_used(session: MemorySession) -> None:
    """A runner's session is the process', and makes it a worker."""
    assert runtime.current_session() is session
    assert not runtime.in_worker()
    runtime.install(session)
    assert runtime.in_worker()
    runtime.install(None)
    assert not runtime.in_worker()


@pytest.mark.usefixtures("opening")
def test_a_session_is_opened_once() -> None:
    """Threads that come at the same time share one; closing it says goodbye once."""
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(runtime.current_session())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    (server,) = set(found)
    assert isinstance(server, Server)
    runtime.close()
    runtime.close()
    assert server.closed == 1
    assert runtime.current_session() not in found
    runtime.close()


@pytest.mark.usefixtures("opening")
def test_a_session_that_is_over_is_closed_when_another_takes_its_place() -> None:
    """Or its channel, and what looks for servers, would be there to the end of the process."""
    over = runtime.current_session()
    assert isinstance(over, Server)
    over.over = True
    following = runtime.current_session()
    assert following is not over
    assert runtime.current_session() is following
    assert over.closed == 1
    runtime.close()


@pytest.mark.usefixtures("opening")
def test_a_session_that_is_over_is_closed_once_though_no_other_can_be_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next call tries again."""
    over = runtime.current_session()
    assert isinstance(over, Server)
    over.over = True
    with monkeypatch.context() as nobody:
        nobody.setattr(Server, "__init__", _refuse)
        for _ in range(2):
            with pytest.raises(ConnectionLostError):
                runtime.current_session()
    assert runtime.current_session() is not over
    assert over.closed == 1
    runtime.close()


def _refuse(*_: object) -> None:
    raise ConnectionLostError("no server answers")


@pytest.mark.usefixtures("opening")
def test_a_session_is_ready_when_nothing_is_waited_for() -> None:
    """It is open, and granted."""
    assert not runtime.ready()
    server = runtime.current_session()
    assert isinstance(server, Server)
    assert runtime.ready()
    server.ready = False
    assert not runtime.ready()
    runtime.close()
    assert not runtime.ready()
    runtime.install(MemorySession())
    assert runtime.ready()


@pytest.mark.usefixtures("opening")
def test_a_fork_does_not_use_its_parents_session() -> None:
    """The stream is the parent's; the child opens one of its own."""
    server = runtime.current_session()
    runtime._state.forget()
    assert runtime.current_session() is not server
    runtime.close()


def test_the_facade_is_light() -> None:
    """Importing it loads none of what is heavy, and costs little."""
    code = (
        "import sys, time; before = time.process_time(); import chalkcompute\n"
        "print(time.process_time(), *sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    seconds, *loaded = run.stdout.split()
    assert HEAVY.isdisjoint(loaded), run.stderr
    assert float(seconds) < 0.12
