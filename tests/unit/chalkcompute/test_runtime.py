"""The process' one session."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from chalkcompute import parting, runtime
from chalkcompute.errors import ConnectionLostError
from tests.unit.chalkcompute.memory import MemorySession

#: Never loaded by the facade: they are for a session, for values, or for loops.
HEAVY = {
    *("asyncio", "decimal", "difflib", "fnq", "fnq_wire.gpu", "fnq_wire.passthrough"),
    *("google.protobuf", "grpc", "numpy", "pyarrow", "ssl", "structlog", "subprocess"),
}


class Server:
    """Stand for a stream to a server."""

    def __init__(self, config: object) -> None:
        self.config = config
        self.closed = self.unsafe = 0
        self.over = False
        self.ready = True

    def close(self) -> int:
        """Count goodbyes; return how many spawned calls nobody accepted."""
        self.closed += 1
        return self.unsafe


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
def test_what_was_lost_with_an_earlier_session_is_told_at_the_end() -> None:
    """A spawned call that nobody accepted is never passed over in silence; it is told once."""
    over = runtime.current_session()
    assert isinstance(over, Server)
    over.over, over.unsafe = True, 2
    last = runtime.current_session()
    assert isinstance(last, Server)
    last.unsafe = 1
    assert (runtime.close(), runtime.close()) == (3, 0)


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


@pytest.mark.timeout(10)
def test_an_event_loop_that_ends_does_not_wait_for_what_was_left_to_a_thread() -> None:
    """Ctrl-C ends a script at once, though a deploy may go on for minutes."""
    gate = threading.Event()

    async def cancelled() -> None:
        task = asyncio.create_task(runtime.in_thread(gate.wait))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    gate.set()


def test_what_is_done_in_a_thread_returns_and_raises_here() -> None:
    """In the context of whoever waits."""
    where: contextvars.ContextVar[str] = contextvars.ContextVar("where")
    where.set("here")
    assert asyncio.run(runtime.in_thread(where.get)) == "here"
    with pytest.raises(ZeroDivisionError):
        asyncio.run(runtime.in_thread(lambda: 1 // 0))


@pytest.mark.usefixtures("opening")
def test_a_fork_does_not_use_its_parents_session() -> None:
    """The stream is the parent's; the child opens one of its own."""
    server = runtime.current_session()
    runtime._state.forget()
    assert runtime.current_session() is not server
    runtime.close()


def test_the_facade_is_light() -> None:
    """Importing it loads none of what is heavy."""
    code = "import sys, chalkcompute; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert HEAVY.isdisjoint(run.stdout.split())
