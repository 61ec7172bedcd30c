"""The agent: holds the connections of a worker, and survives what user code does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import spec_pb2, worker_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import UNREACHABLE, check, connect, insist
from fnq_core.kept import KeptCalls
from fnq_core.lease import LEASE_RENEW_ALONE_S, LEASE_RENEW_S, Leases
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_core.results import Mailboxes
from fnq_core.service import Tasks
from fnq_wire.finder import CONSUMER, SERVER, finder
from fnq_wire.option import BISECT, FALSE
from fnq_wire.protocol import PROTOCOL
from fnq_wire.tls import PLAIN, Tls
from fnq_worker.archive import Archive
from fnq_worker.begun import Begun
from fnq_worker.bundle import fetch
from fnq_worker.children import Children
from fnq_worker.crew import Crew
from fnq_worker.herald import Herald
from fnq_worker.layout import layout_of
from fnq_worker.link import Link
from fnq_worker.mates import Mates, Table
from fnq_worker.nest import Nest
from fnq_worker.pool import Pool
from fnq_worker.printer import Printer
from fnq_worker.publisher import Publisher
from fnq_worker.run import Run
from fnq_worker.workbench import Workbench
from fnq_worker.zygote import Zygote

__all__ = ["Agent", "Settings"]

#: Seconds that running calls have to end when the agent is told to stop.
_DRAIN_S = 10.0
#: Seconds before it is killed at which an agent gives back what has not ended.
_AHEAD_S = 3.0
#: Seconds between two looks whether what it runs is deployed.
_LOOK_S = 0.5
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
    #: What begins a zygote of its own: a file; the module of runners for None.
    starter: str | None = None
    token: str | None = None
    tls: Tls = PLAIN
    #: The host of its node as Consul has it, whose consumers go before others; "": unknown.
    host: str = ""
    #: Control groups of the runners: their directories.
    cgroups: tuple[str, ...] = ()
    #: Whether one limit of memory holds for this process and its runners together.
    confined: bool = False
    #: Variables for the user's code, besides those of the spec.
    secrets: Mapping[str, str] = field(default_factory=dict)
    #: What a runner sees at other paths: source, target, "rw" or "ro".
    mounts: Sequence[tuple[str, str, str]] = ()
    #: Where it starts; the folder of its bundle for None.
    cwd: str | None = None
    #: Seconds after which an agent that was told to stop is killed; None: it never is.
    patience_s: float | None = None

    def terms(self, root: str) -> dict[str, Any]:
        """Return the terms on which runners are forked whose function lies in `root`."""
        return {
            "mounts": self.mounts,
            "cgroups": self.cgroups,
            "cwd": self.cwd or root,
            "expendable": self.confined and not self.cgroups,
        }

    def __repr__(self) -> str:
        """Leave out the token, the secrets and what Redis' address may hold."""
        return f"Settings(version={self.version!r}, replica={self.replica})"


class Agent:
    """One agent process; `own` is its zygote, where that was begun before."""

    def __init__(
        self,
        settings: Settings,
        fatal: Callable[[BaseException], None],
        own: Begun | None = None,
    ) -> None:
        self._settings = settings
        self._fatal = fatal
        self.name = uuid.uuid4().hex
        self._consumers = finder(settings.consumer, CONSUMER, settings.host)
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
        #: Set while the stream to the consumer is broken.
        self._alone = asyncio.Event()
        #: None until it is known what runs here.
        self._herald: Herald | None = None
        self._workbench: Workbench
        self._publisher: Publisher
        self._link: Link
        self._nest: Nest
        self._crew: Crew | None = None
        self._zygote = Zygote(own)

    async def start(self) -> None:
        """Fetch the function, start its runner, attach to the consumer once it is imported."""
        settings = self._settings
        self._bind_log()
        if settings.zygote is None:
            # It loads while we look up what it is for.
            self._zygote.start(settings.starter)
        await insist("connecting", lambda: check(self._redis))
        version = await self._deployed()
        self._function = version.spec.name
        self._bind_log()
        herald = self._herald = Herald(
            self._board,
            Presence(
                namespace=settings.namespace,
                function=version.spec.name,
                version=version.id,
                agent=self.name,
                replica=settings.replica,
                pid=os.getpid(),
            ),
        )
        await insist("posting", herald.arrive)
        root = await fetch(self._registry, version.spec.bundle, settings.work)
        mates = Mates(self._registry, settings.namespace)
        self._assemble(version, root, mates, await mates.of(version.set))
        self._tasks.start(self._nest.keep_forever(), "nest")
        self._tasks.start(self._publisher.publish_forever(), "publish")
        assert self._crew is not None
        herald.follow(self._workbench.activity, self._crew, self._link.restate)
        self._tasks.start(herald.post_forever(), "post")
        self._tasks.start(self._renew_forever(), "renew")
        await self._crew.start()

    async def _deployed(self) -> Version:
        """Return what runs here; its job may have been run by hand before the deploy."""
        namespace, identity = self._settings.namespace, self._settings.version
        told = False
        while True:
            version = await insist(
                "looking up the function", lambda: self._registry.version(namespace, identity)
            )
            if version is not None:
                return version
            if not told:
                _log.warning("it waits to be deployed", namespace=namespace, version=identity)
                told = True
            await asyncio.sleep(_LOOK_S)

    def _bind_log(self) -> None:
        """Have what is logged from here on, and by what is started here, name the function."""
        settings = self._settings
        structlog.contextvars.bind_contextvars(
            function=self._function, version=settings.version, replica=settings.replica
        )

    def _assemble(self, version: Version, root: str, mates: Mates, latest: Table) -> None:
        settings, spec = self._settings, version.spec
        sync = spec.kind in ("function", "generator")
        layout = layout_of(spec)
        bench = Workbench(Pool(*layout), sync, self._tasks.start, spec)
        children = Children(bench, self._tasks.start)
        blobs = Blobs(self._redis)
        archive = Archive(settings.namespace, KeptCalls(self._redis), blobs)
        self._publisher = Publisher(self._mailboxes, blobs, bench.published, bench.unheard, archive)
        self._link = Link(self._consumers, settings.token, self, bench, self._fatal, settings.tls)
        self._nest = Nest(
            self._servers,
            settings.namespace,
            settings.token,
            blobs,
            children.deliver,
            self._fatal,
            children.lend,
            settings.tls,
        )
        bench.publisher, bench.hearer, bench.children = self._publisher, self._link, children
        children.nest, children.mates = self._nest, mates
        children.blobs = blobs
        bench.share(blobs)
        self._workbench = bench
        hello = self._hello(version, root, layout.slots, latest)
        printer = Printer(self._redis, settings.namespace, spec.name)
        self._tasks.start(printer.print_forever(), "print")
        self._crew = Crew(
            hello,
            settings.zygote,
            bench,
            children,
            printer,
            self._standing,
            self._fatal,
            layout.runners,
            settings.terms(root),
            self._zygote,
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
            "batches": _batches(spec),
            "env": {**spec.env, **self._settings.secrets},
            "set": version.set,
            "mates": latest,
        }

    def _standing(self, state: str, reason: str, traceback: str, runner: int) -> None:
        """Take note of how the runners are; attach once one can answer calls."""
        assert self._herald is not None
        self._herald.standing(state, reason, traceback)
        if state != "starting" and not self._attached:
            self._attached = True
            self._tasks.start(self._link.keep_forever(), "link")

    async def _renew_forever(self) -> None:
        """Renew the lease of every run, for as long as its runner lives."""
        while True:
            self._workbench.intake.keep()
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
        of = [run.tenure for run in runs]
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
                async with asyncio.timeout(self._drain_s()):
                    await self._workbench.emptied()
            await self._crew.stop()
            self._workbench.give_back_all()
            await asyncio.gather(self._flush(), self._nest.leave())
        else:
            await self._zygote.close()
        await self._tasks.stop()
        if self._herald is not None:
            with contextlib.suppress(*UNREACHABLE):
                await self._herald.withdraw()
        self._consumers.close()
        self._servers.close()
        await self._redis.aclose()

    def _drain_s(self) -> float | None:
        """Return how long what runs may go on; None: as long as it takes.

        One that is not needed any more had nothing when that was decided. Should it have
        got a call since, there is no haste.
        """
        if not self._workbench.activity.cordoned:
            return _DRAIN_S
        patience_s = self._settings.patience_s
        return None if patience_s is None else max(_DRAIN_S, patience_s - _AHEAD_S)

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
        assert self._herald is not None
        self._herald.attached()
        for run in self._workbench.runs():
            if run.announced and not run.ended:
                self._publisher.announce(run)

    def parted(self) -> None:
        """Say at once, and often, that the runs go on: by renewing their leases."""
        self._alone.set()
        assert self._herald is not None
        self._herald.parted()
        self._workbench.parted()


def _batches(spec: spec_pb2.FunctionSpec) -> dict[str, int] | None:
    """Return what a runner must know of batches; None where the function takes none."""
    if not spec.batching.max_size:
        return None
    return {"size": spec.batching.max_size, "bisect": spec.options.get(BISECT) != FALSE}
