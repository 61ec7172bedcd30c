"""The doors to one Redis: each noun that lies there has its own, and a server has all of them."""

from __future__ import annotations

from dataclasses import dataclass

from redis.asyncio import Redis

from fnq_core.backlog import Backlog
from fnq_core.blobs import Blobs
from fnq_core.calls import CallStreams
from fnq_core.cordon import Cordons
from fnq_core.inventory import Inventory
from fnq_core.kept import KeptCalls
from fnq_core.limits import LimitBook
from fnq_core.logs import LogStreams
from fnq_core.presence import PresenceBoard
from fnq_core.registry import Registry
from fnq_core.releases import Releases
from fnq_core.removal import Removal
from fnq_core.results import Mailboxes
from fnq_core.scalings import ScalingBook
from fnq_core.secrets import SecretRecords
from fnq_core.sessions import SessionRecords
from fnq_wire.spool import Spool

__all__ = ["Doors"]


@dataclass(frozen=True, slots=True)
class Doors:
    """Handed on whole to whoever needs several. `redis` is the client behind them."""

    redis: Redis
    backlog: Backlog
    blobs: Blobs
    board: PresenceBoard
    calls: CallStreams
    cordons: Cordons
    inventory: Inventory
    kept: KeptCalls
    limits: LimitBook
    logs: LogStreams
    mailboxes: Mailboxes
    registry: Registry
    releases: Releases
    removal: Removal
    scalings: ScalingBook
    secrets: SecretRecords
    sessions: SessionRecords

    @classmethod
    def of(cls, redis: Redis, waiting: Redis | None = None, spool: Spool | None = None) -> Doors:
        """Return the doors of a client; `waiting` is another one, for reads that wait."""
        waiting = waiting or redis
        return cls(
            redis=redis,
            backlog=Backlog(redis),
            blobs=Blobs(redis, spool),
            board=PresenceBoard(redis),
            calls=CallStreams(redis),
            cordons=Cordons(redis),
            inventory=Inventory(redis),
            kept=KeptCalls(redis),
            limits=LimitBook(redis),
            logs=LogStreams(redis, waiting),
            mailboxes=Mailboxes(redis, waiting),
            registry=Registry(redis),
            releases=Releases(redis),
            removal=Removal(redis),
            scalings=ScalingBook(redis),
            secrets=SecretRecords(redis),
            sessions=SessionRecords(redis),
        )
