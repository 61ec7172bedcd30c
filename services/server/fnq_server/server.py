"""The server: clients' sessions on one side, Redis on the other."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable

import grpc.aio
import structlog
from redis.asyncio import Redis

from fnq.v1 import control_pb2_grpc, session_pb2_grpc
from fnq_core import keys
from fnq_core.backlog import Backlog
from fnq_core.blobs import Blobs
from fnq_core.calls import CallStreams
from fnq_core.connection import UNREACHABLE, check, connect, insist
from fnq_core.listen import Listener
from fnq_core.logs import LogStreams
from fnq_core.presence import PresenceBoard
from fnq_core.registry import Registry
from fnq_core.results import OWNED_RENEW_S, OWNED_TTL_S, Mailboxes
from fnq_core.service import Tasks
from fnq_core.sessions import SessionRecords
from fnq_server.accept import Accepter
from fnq_server.control import Control
from fnq_server.deleter import Deleter
from fnq_server.demand import Demand
from fnq_server.doubt import Doubts
from fnq_server.lookout import Lookout
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.orders import Orders
from fnq_server.relay import Relay
from fnq_server.sessions import Sessions
from fnq_server.status import Reporter
from fnq_server.stranded import Stranded
from fnq_wire.error import StackError
from fnq_wire.spool import Spool

__all__ = ["Server"]

#: Seconds without an answer from Redis after which the server calls itself unhealthy.
_DEAF_S = 5.0
#: Seconds that clients have to go elsewhere when the server ends.
_FAREWELL_S = 0.5
_NAMES = ["fnq.v1.Sessions", "fnq.v1.Control"]
_log = structlog.get_logger()


class Server:
    """One server process."""

    def __init__(
        self,
        listen: str,
        url: str,
        token: str | None,
        spool: str | None,
        orchestrator: Orchestrator | None,
        fatal: Callable[[BaseException], None],
    ) -> None:
        self.name = uuid.uuid4().hex
        self._listen = listen
        self._orchestrator = orchestrator
        self._redis: Redis = connect(url)
        self._waiting: Redis = connect(url)
        mailboxes = self._mailboxes = Mailboxes(self._redis, self._waiting)
        calls = CallStreams(self._redis)
        registry = Registry(self._redis)
        board = PresenceBoard(self._redis)
        self._orders = Orders(mailboxes, calls)
        self._blobs = Blobs(self._redis, Spool(spool) if spool else None)
        self._deleter = Deleter(mailboxes, self._blobs)
        relay = self._relay = Relay(keys.inbox(self.name), mailboxes, self._orders, self._deleter)
        backlog = Backlog(self._redis)
        self._doubts = Doubts(relay, backlog, self._orders)
        self._demand = Demand(registry, backlog, orchestrator)
        lookout = Lookout(board, self._demand, orchestrator)
        self._stranded = Stranded(backlog, self._blobs, board, self._demand, lookout, relay.awaits)
        accepter = Accepter(relay, calls, registry, self._demand.want, self._stranded)
        records = SessionRecords(self._redis)
        self._sessions = Sessions(records, mailboxes, relay, accepter, self._blobs, self._deleter)
        logs = LogStreams(self._redis, self._waiting)
        reporter = Reporter(self._redis, listen, registry, backlog, board, orchestrator)
        self._control = Control(registry, board, logs, self._demand, lookout, reporter)
        self._tasks = Tasks(fatal)
        #: Loop time at which Redis was last told what is in use here.
        self._tended_at = asyncio.get_running_loop().time()
        self._listener = Listener(listen, _NAMES, self._add, token)

    async def start(self) -> None:
        """Open the inbox, start the loops, listen for clients."""
        version = await insist("connecting", lambda: check(self._redis))
        await insist("opening the inbox", self._relay.keep)
        for work, name in (
            (self._relay.read_forever(), "read results"),
            (self._deleter.delete_forever(), "delete results"),
            (self._orders.send_forever(), "send orders"),
            (self._demand.supply_forever(), "supply workers"),
            (self._demand.look_forever(), "look at queues"),
            (self._stranded.end_forever(), "end what is stranded"),
            (self._tend_forever(), "tend"),
        ):
            self._tasks.start(work, name)
        await self._listener.start()
        self._tasks.start(self._touch_forever(), "touch")
        _log.info("server is ready", address=self._listen, name=self.name, redis=version)

    async def stop(self) -> None:
        """Send the clients elsewhere, then end; what is in flight lies in Redis.

        Listening ends first: a client that goes elsewhere must not come back here.
        """
        self._sessions.send_away()
        # The requests to go away are written in this turn.
        await asyncio.sleep(0)
        await self._listener.stop(_FAREWELL_S)
        await self._tasks.stop()
        self._sessions.close()
        if not self._relay.awaited:
            with contextlib.suppress(*UNREACHABLE):
                await self._mailboxes.close(self._relay.inbox)
        await self._redis.aclose()
        await self._waiting.aclose()

    async def _tend_forever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(*UNREACHABLE):
                # Tried again in a moment; what is renewed stands several missed rounds.
                await self._tend()
            if self._blobs.spool is not None:
                await asyncio.to_thread(self._sessions.tend_spool)
            await self._listener.set_health(loop.time() - self._relay.answered_at < _DEAF_S)
            await asyncio.sleep(OWNED_RENEW_S)

    async def _tend(self) -> None:
        """Renew what belongs to this server, and let go of clients that are gone."""
        now = asyncio.get_running_loop().time()
        await self._relay.keep()
        # After a long outage its own server may have made it anew by now.
        late = now - self._tended_at > OWNED_TTL_S
        for inbox in self._relay.inboxes:
            if not await self._mailboxes.renew(inbox) or late:
                self._relay.doubt(inbox)
        self._tended_at = now
        await self._doubts.look()
        await self._sessions.renew()
        await self._sessions.expire(now)

    def _add(self, server: grpc.aio.Server) -> None:
        session_pb2_grpc.add_SessionsServicer_to_server(self._sessions, server)
        control_pb2_grpc.add_ControlServicer_to_server(self._control, server)

    async def _touch_forever(self) -> None:
        """Tell the stack that it is in use for as long as it is."""
        pause = 1.0
        while self._orchestrator is not None:
            if self._sessions.open or self._relay.in_flight:
                with contextlib.suppress(StackError):
                    pause = await self._orchestrator.touch()
            await asyncio.sleep(pause)
