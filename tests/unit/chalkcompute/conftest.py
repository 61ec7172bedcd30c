"""Every test of the SDK has a deployment and a session of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalkcompute import deployment, runtime
from tests.unit.chalkcompute.memory import MemorySession


@pytest.fixture
def session() -> MemorySession:
    """Return the session that calls of this test go through."""
    return MemorySession()


@pytest.fixture(autouse=True)
def _process(session: MemorySession, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the process look as if nothing had been decorated in it."""
    monkeypatch.delenv("FNQ_DEPLOY", raising=False)
    monkeypatch.setattr(deployment, "_current", deployment.Deployment())
    monkeypatch.setattr(deployment, "_capture", session.capture)
    runtime.install(session, worker=False)
    runtime.configure()
    yield
    runtime.install(None)
    session.close()
