"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field

from fnq_server.image.choice import Make
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.secrets.seam import SecretStore
from fnq_server.volume.seam import Store
from fnq_wire.tls import PLAIN, Tls

__all__ = ["Setup"]


@dataclass(frozen=True, slots=True)
class Setup:
    """Where a server listens, and what it has; None is what it does without.

    `url` is that of Redis, `spool` a directory for large values. Secrets are kept in Redis,
    sealed with the key in the file `secret_key`, or else in `secrets`.
    """

    listen: str
    url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    tls: Tls = PLAIN
    spool: str | None = None
    orchestrator: Orchestrator | None = None
    volumes: Store | None = None
    make_builder: Make | None = None
    secret_key: str | None = None
    secrets: SecretStore | None = None
