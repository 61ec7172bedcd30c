"""The process' one session, and whether the process is a worker."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalkcompute.port import Session
    from chalkcompute.session import ServerSession

__all__ = ["close", "current_session", "in_worker", "install", "ready", "refuse"]

#: Seconds that closing waits for a thread that is opening the session.
_PATIENCE_S = 1.0


class _State:
    """What this process has; a fork starts without the session its parent opened."""

    def __init__(self) -> None:
        self.installed: Session | None = None
        self.server: ServerSession | None = None
        self.worker = False
        self.lock = threading.Lock()

    def forget(self) -> None:
        """Leave the parent's stream alone: a child that used it would corrupt it."""
        self.server = None
        self.lock = threading.Lock()


_state = _State()
os.register_at_fork(after_in_child=_state.forget)


def install(session: Session | None, *, worker: bool = True) -> None:
    """Make `session` the process' session; `worker` says that this process serves calls.

    A runner does this before it imports user code. None takes it out again.
    """
    _state.installed = session
    _state.worker = worker and session is not None


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


def _open() -> Session:
    from chalkcompute import parting
    from chalkcompute.config import Config
    from chalkcompute.session import ServerSession

    with _state.lock:
        server = _state.server
        if server is not None and not server.over:
            return server
        if server is not None:
            # No call is in flight there, but its channel is open, and servers are looked for.
            _state.server = None
            server.close()
        _state.server = ServerSession(Config.load())
        parting.attend()
        return _state.server


def close() -> None:
    """Say goodbye to the server if a session was opened here: attached calls are cancelled."""
    # Another thread may still be waiting for a server that does not answer: the end is not for it.
    locked = _state.lock.acquire(timeout=_PATIENCE_S)
    server, _state.server = _state.server, None
    if locked:
        _state.lock.release()
    if server is not None:
        server.close()
