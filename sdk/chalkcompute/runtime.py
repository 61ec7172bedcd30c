"""The process' one session, its settings, and whether the process is a worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from chalkcompute.port import Session
    from chalkcompute.session import ServerSession

__all__ = [
    "aside",
    "close",
    "config",
    "configure",
    "current_session",
    "in_thread",
    "in_worker",
    "install",
    "ready",
    "refuse",
]

T = TypeVar("T")
#: Seconds that closing waits for a thread that is opening the session.
_PATIENCE_S = 1.0


class _State:
    """What this process has; a fork starts without the session its parent opened."""

    def __init__(self) -> None:
        self.installed: Session | None = None
        self.server: ServerSession | None = None
        self.worker = False
        #: Settings that a command was given as arguments.
        self.arguments: dict[str, Any] = {}
        #: Spawned calls that went down with sessions that are over.
        self.lost = 0
        self.lock = threading.Lock()

    def forget(self) -> None:
        """Leave the parent's stream alone: a child that used it would corrupt it."""
        self.server, self.lost = None, 0
        self.lock = threading.Lock()


_state = _State()
os.register_at_fork(after_in_child=_state.forget)


def install(session: Session | None, *, worker: bool = True) -> None:
    """Make `session` the process' session; `worker` says that this process serves calls.

    A runner does this before it imports user code. None takes it out again.
    """
    _state.installed = session
    _state.worker = worker and session is not None


def configure(**arguments: str | None) -> None:
    """Set what goes before the environment and the files: arguments of `Config.load`, by name."""
    _state.arguments = arguments


def config() -> Config:
    """Return the settings of this process. Raises ValueError for bad ones."""
    from chalkcompute.config import Config

    return Config.load(**_state.arguments)


def in_worker() -> bool:
    """Return whether this process serves calls: decorators only name things there."""
    return _state.worker


def refuse(problem: Exception) -> None:
    """Raise `problem`, unless this is a worker: what was deployed is never refused there."""
    if not _state.worker:
        raise problem


def current_session() -> Session:
    """Return the process' session; open one to a server on first use.

    Raises what opening it raises: AuthError, ConnectionLostError, ValueError for bad settings.
    """
    if _state.installed is not None:
        return _state.installed
    server = _state.server
    return server if server is not None and not server.over else _open()


def ready() -> bool:
    """Return whether a call can be sent at once: a session is open, and granted."""
    if _state.installed is not None:
        return True
    server = _state.server
    return server is not None and server.ready


async def aside(work: Callable[[], T]) -> T:
    """Do what needs a session, in a thread where that would block a script's event loop."""
    return work() if in_worker() or ready() else await in_thread(work)


async def in_thread(work: Callable[[], T]) -> T:
    """Do in a thread what may take as long as a deploy.

    An event loop that ends, as by Ctrl-C, does not wait for it, as it would for those of
    `asyncio.to_thread`.
    """
    import asyncio
    import contextvars
    from concurrent.futures import Future

    done: Future[T] = Future()
    # Whoever is cancelled waits no longer, and the thread goes on.
    done.set_running_or_notify_cancel()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            value = context.run(work)
        except BaseException as problem:  # noqa: BLE001 - whoever waits is told
            done.set_exception(problem)
        else:
            done.set_result(value)

    threading.Thread(target=run, name="fnq-aside", daemon=True).start()
    return await asyncio.wrap_future(done)


def _open() -> Session:
    from chalkcompute import parting
    from chalkcompute.session import ServerSession

    with _state.lock:
        server = _state.server
        if server is not None and not server.over:
            return server
        if server is not None:
            # No call is in flight there, but its channel is open, and servers are looked for.
            _state.server = None
            _state.lost += server.close()
        _state.server = ServerSession(config())
        parting.attend()
        return _state.server


def close() -> int:
    """Say goodbye to the server if a session was opened here: attached calls are cancelled.

    Returns how many spawned calls are lost, as no server has accepted them in time.
    """
    # Another thread may still be waiting for a server that does not answer: the end is not for it.
    locked = _state.lock.acquire(timeout=_PATIENCE_S)
    server, _state.server = _state.server, None
    lost, _state.lost = _state.lost, 0
    if locked:
        _state.lock.release()
    return lost if server is None else lost + server.close()
