"""The server: clients' sessions on one side, Redis on the other."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from functools import partial

import structlog

from fnq_core import keys
from fnq_core.connection import UNREACHABLE, check, connect, insist
from fnq_core.listen import Listener
from fnq_core.results import OWNED_RENEW_S, OWNED_TTL_S
from fnq_core.service import Tasks
from fnq_server import services
from fnq_server.doors import Doors
from fnq_server.image.tidying import tidy_images
from fnq_server.setup import Setup
from fnq_server.supply import Supply
from fnq_server.traffic import Traffic
from fnq_wire.error import StackError
from fnq_wire.spool import Spool

__all__ = ["Server"]

#: Seconds without an answer from Redis after which the server calls itself unhealthy.
_DEAF_S = 5.0
#: Seconds between two statements of health.
_HEALTH_S = 1.0
#: Seconds that clients have to go elsewhere when the server ends.
_FAREWELL_S = 0.5
_log = structlog.get_logger()


class Server:
    """One server process; `fatal` is told of what must end it."""

    def __init__(self, setup: Setup, fatal: Callable[[BaseException], None]) -> None:
        self.name = uuid.uuid4().hex
        self._setup = setup
        self._redis, self._waiting = connect(setup.url), connect(setup.url)
        spool = Spool(setup.spool) if setup.spool else None
        doors = self._doors = Doors.of(self._redis, self._waiting, spool)
        self._tasks = Tasks(fatal)
        supply = self._supply = Supply.of(setup, doors, self.name)
        inbox = keys.inbox(self.name)
        traffic = self._traffic = Traffic.of(doors, supply, inbox, self._tasks.start)
        self._relay, self._sessions = traffic.relay, traffic.sessions
        #: Loop time at which Redis was last told what is in use here.
        self._tended_at = asyncio.get_running_loop().time()
        add = partial(services.add, setup=setup, doors=doors, supply=supply, traffic=traffic)
        self._listener = Listener(setup.listen, services.SERVICES, add, setup.token, tls=setup.tls)

    async def start(self) -> None:
        """Open the inbox, start the loops, listen for clients."""
        supply = self._supply
        version = await insist("connecting", lambda: check(self._redis))
        await insist("opening the inbox", self._relay.keep)
        self._start_loops()
        await self._listener.start()
        if supply.builder is not None:
            self._tasks.start(tidy_images(supply.builder, self._doors.registry), "tidy images")
        self._tasks.start(self._touch_forever(), "touch")
        if self._setup.volumes is not None:
            await asyncio.to_thread(self._setup.volumes.sweep)
        _log.info("server is ready", address=self._setup.listen, name=self.name, redis=version)

    def _start_loops(self) -> None:
        supply, traffic = self._supply, self._traffic
        for work, name in (
            (traffic.relay.read_forever(), "read results"),
            (traffic.deleter.delete_forever(), "delete results"),
            (traffic.orders.send_forever(), "send orders"),
            (traffic.watches.look_forever(), "look for detached calls"),
            (supply.demand.supply_forever(), "supply workers"),
            (supply.demand.look_forever(), "look at queues"),
            (traffic.stranded.end_forever(), "end what is stranded"),
            (traffic.remover.look_forever(), "see off what is deleted"),
            (self._tend_forever(), "tend"),
            (self._tell_health_forever(), "health"),
        ):
            self._tasks.start(work, name)
        if supply.scaler is not None:
            self._tasks.start(supply.scaler.scale_forever(), "scale workers")

    async def stop(self) -> None:
        """Send the clients elsewhere, then end; what is in flight lies in Redis.

        Listening ends first: a client that goes elsewhere must not come back here.
        """
        self._sessions.send_away()
        # The requests to go away are written in this turn.
        await asyncio.sleep(0)
        await self._listener.stop(_FAREWELL_S)
        await self._tasks.stop()
        await self._supply.provisions.stop()
        if self._supply.scaler is not None:
            await self._supply.scaler.leave()
        self._sessions.close()
        if not self._relay.awaited:
            with contextlib.suppress(*UNREACHABLE):
                await self._doors.mailboxes.close(self._relay.inbox)
        await self._redis.aclose()
        await self._waiting.aclose()

    async def _tend_forever(self) -> None:
        while True:
            with contextlib.suppress(*UNREACHABLE):
                # Tried again in a moment; what is renewed stands several missed rounds.
                await self._tend()
            if self._doors.blobs.spool is not None:
                await asyncio.to_thread(self._sessions.tend_spool)
            await asyncio.sleep(OWNED_RENEW_S)

    async def _tell_health_forever(self) -> None:
        """Say whether Redis answers; nothing here waits for it, so that a silent one is told."""
        loop = asyncio.get_running_loop()
        while True:
            await self._listener.set_health(loop.time() - self._relay.answered_at < _DEAF_S)
            await asyncio.sleep(_HEALTH_S)

    async def _tend(self) -> None:
        """Renew what belongs to this server, and let go of clients that are gone."""
        now = asyncio.get_running_loop().time()
        await self._relay.keep()
        # After a long outage its own server may have made it anew by now.
        late = now - self._tended_at > OWNED_TTL_S
        for inbox in self._relay.inboxes:
            if not await self._doors.mailboxes.renew(inbox) or late:
                self._relay.doubt(inbox)
        self._tended_at = now
        await self._traffic.doubts.look()
        await self._sessions.renew()
        await self._sessions.expire(now)

    @property
    def _in_use(self) -> bool:
        return bool(
            self._sessions.open
            or self._relay.in_flight
            or self._supply.demand.has_calls
            or self._traffic.remover.busy
        )

    async def _touch_forever(self) -> None:
        """Tell the stack that it is in use for as long as it is."""
        pause = 1.0
        orchestrator = self._setup.orchestrator
        while orchestrator is not None:
            if self._in_use:
                with contextlib.suppress(StackError):
                    pause = await orchestrator.touch()
            await asyncio.sleep(pause)
