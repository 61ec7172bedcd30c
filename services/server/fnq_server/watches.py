"""Who wants to hear of detached calls: each is told of the end, and of chunks where it reads.

Nothing that is kept is acknowledged or deleted here. A watch whose stream broke is gone;
its client opens it anew, at this server or another.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from fnq.v1 import result_pb2, session_pb2
from fnq_core.keptrecord import Ended, Pending
from fnq_core.results import Mailboxes
from fnq_core.service import Spawn
from fnq_server.deleter import Deleter
from fnq_server.fates import Fate, Fates
from fnq_server.outlet import Outlet
from fnq_server.relay import Relay
from fnq_server.session import Session
from fnq_server.watch import Watch
from fnq_wire import callid

__all__ = ["Watches"]

#: Seconds between two looks at calls that are watched: what was said of one may have
#: gone with the inbox.
_LOOK_S = 30.0


class Watches:
    """The watches of this server's clients, by session and by call."""

    def __init__(
        self, relay: Relay, fates: Fates, mailboxes: Mailboxes, deleter: Deleter, spawn: Spawn
    ) -> None:
        self._inbox = relay.inbox
        relay.hear_kept = self.hear
        self._fates = fates
        self._outlet = Outlet(mailboxes, fates)
        self._deleter = deleter
        self._spawn = spawn
        self._by_call: defaultdict[bytes, set[Watch]] = defaultdict(set)
        self._asked: list[Watch] = []
        self._news = asyncio.Event()

    def open(self, session: Session, asked: session_pb2.Watch) -> None:
        """Take up a watch; what is known of its call is told soon."""
        watch = Watch(
            asked.id, asked.call, session, asked.after, asked.credit, end_only=asked.end_only
        )
        session.watches[watch.id] = watch
        try:
            callid.parse(watch.call)
        except ValueError as problem:
            self._refuse(watch, result_pb2.Failure(error="NotFoundError", message=str(problem)))
            return
        self._by_call[watch.call].add(watch)
        self._look_for(watch)

    def _look_for(self, watch: Watch) -> None:
        """Look for a call, once what its session has submitted before is in Redis."""
        appending = watch.session.appending
        if appending is not None and not appending.done():
            appending.add_done_callback(lambda _: self._look_for(watch))
            return
        self._asked.append(watch)
        self._news.set()

    def grant(self, session: Session, identity: bytes, credit: int) -> None:
        """Let more chunks be sent to a watch."""
        watch = session.watches.get(identity)
        if watch is not None:
            watch.grant(credit)

    def close(self, session: Session, identity: bytes) -> None:
        """Forget a watch; one that is not open is passed over."""
        watch = session.watches.pop(identity, None)
        if watch is None:
            return
        self._leave(watch)
        if watch.reader is not None:
            watch.reader.cancel()

    def _leave(self, watch: Watch) -> None:
        """Tell a watch of its call no more."""
        others = self._by_call[watch.call]
        others.discard(watch)
        if not others:
            del self._by_call[watch.call]

    def forget(self, session: Session) -> None:
        """Forget all watches of a session: its stream is broken."""
        for identity in list(session.watches):
            self.close(session, identity)

    def hear(self, inbox: str, entry: str, result: result_pb2.Result) -> None:
        """Tell all who wait for it of an end that came into an inbox; in ours it is deleted."""
        for watch in list(self._by_call.get(result.call, ())):
            # What is read comes from the stream of the call; what is being looked for may have
            # been found before this end, and is looked for once more then.
            watch.missed = True
            if watch.listens:
                told = result_pb2.Result()
                told.CopyFrom(result)
                watch.tell(told)
                self.close(watch.session, watch.id)
        if inbox == self._inbox:
            self._deleter.delete(inbox, (entry,))

    async def look_forever(self) -> None:
        """Look for what is watched: at once, and again from time to time, until cancelled."""
        loop = asyncio.get_running_loop()
        again_at = loop.time() + _LOOK_S
        while True:
            try:
                async with asyncio.timeout_at(again_at):
                    await self._news.wait()
            except TimeoutError:
                again_at = loop.time() + _LOOK_S
                waiting = [each for some in self._by_call.values() for each in some]
                self._asked += [each for each in waiting if each.listens]
            self._news.clear()
            asked, self._asked = self._asked, []
            by_namespace: defaultdict[str, list[Watch]] = defaultdict(list)
            for watch in asked:
                by_namespace[watch.session.namespace].append(watch)
            for namespace, watches in by_namespace.items():
                calls = [watch.call for watch in watches]
                fates = await self._fates.of(namespace, calls, self._inbox)
                for watch, fate in zip(watches, fates, strict=True):
                    if _is_open(watch) and watch.reader is None:
                        self._take(watch, fate)

    def _take(self, watch: Watch, fate: Fate) -> None:
        """Tell a watch what became of its call, or go on with it."""
        if isinstance(fate, result_pb2.Failure):
            self._refuse(watch, fate)
        elif fate.head.streams and not watch.end_only:
            self._spawn(self._read(watch, fate), "read the chunks of a call")
        elif isinstance(fate, Ended):
            watch.tell(fate.result)
            self.close(watch.session, watch.id)
        elif isinstance(fate, Pending):
            self._follow(watch, fate)
            watch.listens = True
            if watch.missed:
                watch.missed = False
                self._look_for(watch)

    def _follow(self, watch: Watch, fate: Pending) -> None:
        """Have a watch of another id of a call hear of the end, which names the call itself."""
        if fate.call:
            self._leave(watch)
            watch.call = fate.call
            self._by_call[watch.call].add(watch)
            # It may have come since it was looked for, and found no watch of that id.
            watch.missed = True

    def _refuse(self, watch: Watch, failure: result_pb2.Failure) -> None:
        watch.refuse(failure)
        self.close(watch.session, watch.id)

    async def _read(self, watch: Watch, fate: Pending | Ended) -> None:
        """Send the chunks of a generator as far as its watch wants them, then the end."""
        if watch.reader is not None or not _is_open(watch):
            return
        watch.reader = asyncio.current_task()
        failure = await self._outlet.read(watch, fate)
        watch.reader = None
        if failure is not None:
            watch.refuse(failure)
        self.close(watch.session, watch.id)


def _is_open(watch: Watch) -> bool:
    """Whether its client waits for it here: one that moves away asks elsewhere."""
    session = watch.session
    return session.watches.get(watch.id) is watch and not session.fenced
