"""The agent: holds the connections of a worker, and survives what user code does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import worker_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import UNREACHABLE, check, connect, insist
from fnq_core.lease import LEASE_RENEW_ALONE_S, LEASE_RENEW_S, Count, Leases
from fnq_core.presence import POST_S, Presence, PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_core.results import Mailboxes
from fnq_core.service import Tasks
from fnq_wire.finder import CONSUMER, SERVER, finder
from fnq_wire.protocol import PROTOCOL
from fnq_worker.bundle import fetch
from fnq_worker.children import Children
from fnq_worker.crew import Crew
from fnq_worker.link import Link
from fnq_worker.mates import Mates, Table
from fnq_worker.nest import Nest
from fnq_worker.printer import Printer
from fnq_worker.publisher import Publisher
from fnq_worker.run import Run
from fnq_worker.workbench import Workbench

__all__ = ["Agent", "Settings"]

#: Seconds that running calls have to end when the agent is told to stop.
_DRAIN_S = 10.0
#: Seconds that what was said last has to reach Redis and the consumer.
_FAREWELL_S = 1.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Settings:
    """What an agent is started with."""

    consumer: str
    server: str
    redis: str
    namespace: str
    version: str
    replica: int
    work: str
    zygote: str | None = None
    token: str | None = None

    def __repr__(self) -> str:
        """Leave out the token and what Redis' address may hold."""
        return f"Settings(version={self.version!r}, replica={self.replica})"


class Agent:
    """One agent process."""

    def __init__(self, settings: Settings, fatal: Callable[[BaseException], None]) -> None:
        self._settings = settings
        self._fatal = fatal
        self.name = uuid.uuid4().hex
        self._consumers = finder(settings.consumer, CONSUMER)
        self._servers = finder(settings.server, SERVER)
        self._redis = connect(settings.redis)
        self._leases = Leases(self._redis)
        self._mailboxes = Mailboxes(self._redis)
        self._registry = Registry(self._redis)
        self._board = PresenceBoard(self._redis)
        self._tasks = Tasks(fatal)
        self._function = ""
        self._consumer = ""
        self._attached = False
        self._state = "starting"
        self._posting = asyncio.Event()
        #: Set while the stream to the consumer is broken.
        self._alone = asyncio.Event()
        #: None until it is known what runs here.
        self._presence: Presence | None = None
        self._workbench: Workbench
        self._publisher: Publisher
        self._link: Link
        self._nest: Nest
        self._crew: Crew | None = None

    async def start(self) -> None:
        """Fetch the function, start its runner, attach to the consumer once it is imported."""
        settings = self._settings
        self._bind_log()
        await insist("connecting", lambda: check(self._redis))
        version = await insist(
            "looking up the function",
            lambda: self._registry.version(settings.namespace, settings.version),
        )
        if version is None:
            raise RuntimeError(f"no version {settings.version!r} in {settings.namespace!r}")
        self._function = version.spec.name
        self._bind_log()
        presence = self._presence = Presence(
            namespace=settings.namespace,
            function=version.spec.name,
            version=version.id,
            agent=self.name,
            replica=settings.replica,
            pid=os.getpid(),
        )
        await insist("posting", lambda: self._board.post(presence))
        root = await fetch(self._registry, version.spec.bundle, settings.work)
        mates = Mates(self._registry, settings.namespace)
        self._assemble(version, root, mates, await mates.of(version.set))
        self._tasks.start(self._nest.keep_forever(), "nest")
        self._tasks.start(self._publisher.publish_forever(), "publish")
        self._tasks.start(self._post_forever(presence), "post")
        self._tasks.start(self._renew_forever(), "renew")
        assert self._crew is not None
        await self._crew.start()

    def _bind_log(self) -> None:
        """Have what is logged from here on, and by what is started here, name the function."""
        settings = self._settings
        structlog.contextvars.bind_contextvars(
            function=self._function, version=settings.version, replica=settings.replica
        )

    def _assemble(self, version: Version, root: str, mates: Mates, latest: Table) -> None:
        settings, spec = self._settings, version.spec
        sync = spec.kind in ("function", "generator")
        slots = 1 if sync else max(1, spec.concurrency)
        bench = Workbench(slots, sync, self._tasks.start, spec.timeout_s)
        children = Children(bench, self._tasks.start)
        blobs = Blobs(self._redis)
        self._publisher = Publisher(self._mailboxes, blobs, bench.published, bench.unheard)
        self._link = Link(self._consumers, settings.token, self, bench, self._fatal)
        self._nest = Nest(
            self._servers,
            settings.namespace,
            settings.token,
            blobs,
            children.deliver,
            self._fatal,
        )
        bench.publisher, bench.hearer, bench.children = self._publisher, self._link, children
        children.nest, children.mates = self._nest, mates
        children.blobs = bench.blobs = blobs
        self._workbench = bench
        hello = self._hello(version, root, slots, latest)
        printer = Printer(self._redis, settings.namespace, spec.name)
        self._tasks.start(printer.print_forever(), "print")
        self._crew = Crew(
            hello, settings.zygote, bench, children, printer, self._standing, self._fatal
        )

    def _hello(self, version: Version, root: str, slots: int, latest: Table) -> dict[str, Any]:
        """Return what a runner is told first."""
        spec = version.spec
        return {
            "root": root,
            "module": spec.module,
            "qualname": spec.qualname,
            "name": spec.name,
            "version": version.id,
            "namespace": self._settings.namespace,
            "kind": spec.kind,
            "concurrency": slots,
            "env": dict(spec.env),
            "set": version.set,
            "mates": latest,
        }

    def _standing(self, state: str, reason: str, traceback: str, runner: int) -> None:
        """Take note of how the runner is; attach once it can answer calls."""
        presence = self._presence
        assert presence is not None
        self._state = state
        presence.reason, presence.traceback, presence.runner = reason, traceback, runner
        self._posting.set()
        if state != "starting" and not self._attached:
            self._attached = True
            self._tasks.start(self._link.keep_forever(), "link")

    async def _post_forever(self, presence: Presence) -> None:
        """Say how the agent is: on change, and often enough to be believed."""
        while True:
            self._posting.clear()
            presence.busy = self._workbench.busy
            # Ready is who can be reached by calls.
            ready = self._state == "ready" and not self._consumer
            presence.state = "starting" if ready else self._state
            with contextlib.suppress(*UNREACHABLE):
                await self._board.post(presence)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POST_S):
                    await self._posting.wait()

    async def _renew_forever(self) -> None:
        """Renew the lease of every run, for as long as its runner lives."""
        while True:
            by_stream: defaultdict[str, list[Run]] = defaultdict(list)
            for run in self._workbench.runs():
                by_stream[run.stream].append(run)
            with contextlib.suppress(*UNREACHABLE):
                for stream, runs in by_stream.items():
                    await self._renew(stream, runs)
            if self._alone.is_set():
                await asyncio.sleep(LEASE_RENEW_ALONE_S)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEASE_RENEW_S):
                    await self._alone.wait()

    async def _renew(self, stream: str, runs: list[Run]) -> None:
        """Renew leases; give up the runs whose call has ended, or has another run by now."""
        of = [(run.entry, Count(run.epoch, run.deaths)) for run in runs]
        try:
            ours = await self._leases.renew(stream, self._consumer, of)
        except UNREACHABLE:
            raise
        except ResponseError as problem:
            # Other streams have their leases; this one may be mended.
            _log.error("leases are not renewed", stream=stream, problem=str(problem))
            return
        for run, goes_on in zip(runs, ours, strict=True):
            if not goes_on:
                self._workbench.disown(run)

    async def stop(self) -> None:
        """Take no more calls, let running ones end, publish what they say, leave.

        The runner goes before the publisher, and the link last: the consumer must
        hear of every end.
        """
        self._bind_log()
        if self._crew is not None:
            self._workbench.drain()
            self._crew.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DRAIN_S):
                    await self._workbench.emptied()
            await self._crew.stop()
            self._workbench.give_back_all()
            await asyncio.gather(self._flush(), self._nest.leave())
        await self._tasks.stop()
        if self._presence is not None:
            with contextlib.suppress(*UNREACHABLE):
                await self._board.withdraw(self._presence)
        self._consumers.close()
        self._servers.close()
        await self._redis.aclose()

    async def _flush(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._publisher.flush()
                await self._link.flush()

    def announce(self) -> worker_pb2.Announce:
        """Return who the agent is and what it runs now."""
        settings = self._settings
        return worker_pb2.Announce(
            protocol=PROTOCOL,
            agent=self.name,
            namespace=settings.namespace,
            version=settings.version,
            replica=settings.replica,
            running=[run.running() for run in self._workbench.runs()],
        )

    def attached(self, consumer: str) -> None:
        """Make the servers of running calls know the consumer that reaches them now.

        Also where it is the one from before: credits and cancellations may have got
        lost with the stream, and a server that hears of a run says them again.
        """
        self._consumer = self._publisher.consumer = consumer
        self._alone.clear()
        self._posting.set()
        for run in self._workbench.runs():
            if run.announced and not run.ended:
                self._publisher.announce(run)

    def parted(self) -> None:
        """Say at once, and often, that the runs go on: by renewing their leases."""
        self._alone.set()
