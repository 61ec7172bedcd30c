"""How a set of functions comes to be current: checked first, then all of it at once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import structlog

from fnq.v1 import control_pb2, spec_pb2
from fnq_core.connection import FULL_TRIES, FullError, insist
from fnq_core.registry import Version, bundles_of
from fnq_server.compatibility import change_warning
from fnq_server.doors import Doors
from fnq_server.image.seam import Builder
from fnq_server.secrets.admission import Admission
from fnq_server.status import Reporter
from fnq_server.supply import Supply
from fnq_server.trial import DELETED, Candidate, Say, Trial, UnfitError
from fnq_wire.error import DeployError, FnqError, ImageBuildError, UnschedulableError
from fnq_wire.option import EXACT, IMAGE_PYTHON
from fnq_wire.version import version_id

__all__ = ["Check", "Deploys", "version_message"]

_NS_IN_MS = 1_000_000

#: What waits to be told to a deployer who hears slowly; lines beyond are left out, steps are not.
_MOST_NEWS = 1_000

#: Sees to what the specs of a set, in a namespace, need besides an image, before anything
#: is recorded; returns what is to be told. Raises the FnqError that the deploy fails with,
#: `function` in it.
Check: TypeAlias = Callable[[str, Sequence[spec_pb2.FunctionSpec]], Awaitable[Sequence[str]]]
_log = structlog.get_logger()


class Deploys:
    """Deploys sets. Each may be deployed again, and by several at once: all succeed.

    `checks` raise what a set lacks, or make it: see `Check`.
    """

    def __init__(
        self,
        doors: Doors,
        supply: Supply,
        trial: Trial,
        reporter: Reporter,
        admission: Admission,
        checks: Sequence[Check],
    ) -> None:
        self._registry = doors.registry
        self._releases = doors.releases
        self._board = doors.board
        self._book = doors.limits
        self._backlog = doors.backlog
        self._demand = supply.demand
        self._lookout = supply.lookout
        self._builder = supply.builder
        self._trial = trial
        self._reporter = reporter
        self._admission = admission
        self._checks = checks

    async def deploy(
        self, request: control_pb2.DeployRequest
    ) -> AsyncGenerator[control_pb2.DeployEvent]:
        """Yield what is waited for, on change, then the reply or the failure.

        Closed before that, the check ends, and nothing is current that was not. Raises
        FullError and RecordError.
        """
        news: asyncio.Queue[control_pb2.DeployEvent | None] = asyncio.Queue()

        def say(function: str, step: str, output: str) -> None:
            if output and news.qsize() >= _MOST_NEWS:
                return
            progress = control_pb2.Progress(function=function, step=step, output=output)
            news.put_nowait(control_pb2.DeployEvent(progress=progress))

        work = asyncio.get_running_loop().create_task(self._end(request, say))
        work.add_done_callback(lambda _: news.put_nowait(None))
        try:
            while (event := await news.get()) is not None:
                yield event
            yield work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _end(self, request: control_pb2.DeployRequest, say: Say) -> control_pb2.DeployEvent:
        """Deploy; return the last event."""
        namespace = request.namespace or "default"
        try:
            caveats = await self._lookout.caveats(request.specs, strict=request.strict)
            reply = await self._run(request, say)
        except UnfitError as problem:
            found, version = problem.found, problem.version
            _log.warning("a deploy failed", function=problem.function, version=version)
            text = f"{found.error}: {found.text}"
            with contextlib.suppress(FullError):
                await insist(
                    "noting a failure",
                    lambda: self._releases.fail(namespace, version, text),
                    full_tries=FULL_TRIES,
                )
            return _failure(problem.function, found.error, found.text, found.traceback)
        except FnqError as problem:
            notes = "\n".join(getattr(problem, "__notes__", ()))
            return _failure(problem.function, type(problem).__name__, str(problem), notes)
        reply.warnings.extend(caveats)
        return control_pb2.DeployEvent(reply=reply)

    async def _run(self, request: control_pb2.DeployRequest, say: Say) -> control_pb2.DeployReply:
        """Deploy; return the reply. Raises UnfitError, and what the makers of images raise."""
        namespace = request.namespace or "default"
        specs = {version_id(spec): spec for spec in request.specs}
        wanted = [(namespace, each) for each in specs]
        digests = [digest for spec in specs.values() for digest in bundles_of(spec)]
        limits = [spec.rate_limit_key for spec in specs.values() if spec.rate_limit_key]
        names = [spec.name for spec in specs.values()]
        missing, known, before, failed, unlimited = await asyncio.gather(
            insist("deploying", lambda: self._registry.missing_bundles(digests)),
            insist("deploying", lambda: self._registry.versions(wanted)),
            insist("deploying", lambda: self._releases.current(namespace, names)),
            insist("deploying", lambda: self._board.failed(namespace, list(specs))),
            insist("deploying", lambda: self._book.missing(namespace, limits)),
        )
        if missing:
            return control_pb2.DeployReply(missing_bundles=missing)
        secrets = await self._admission.check(namespace, request.specs, request.local_secrets)
        remarks = [
            each for check in self._checks for each in await check(namespace, list(specs.values()))
        ]
        remarks += await self._build(specs.values(), say, strict=request.strict)
        fresh = _never_live(specs, known)
        if fresh:
            missing = await self._record(namespace, specs)
            if missing:
                return control_pb2.DeployReply(missing_bundles=missing)
            known = [await self._recorded(namespace, each) for each in specs]
        remarks += await self._admission.keep(namespace, secrets)
        await self._trial.begin_again(namespace, failed)
        current = {name for name, old in zip(names, before, strict=True) if old}
        warnings = await self._trial.run(namespace, fresh, say, current) if fresh else []
        warnings += await self._changes(namespace, dict(zip(before, specs.items(), strict=True)))
        members = await self._go_live(namespace, specs)
        return control_pb2.DeployReply(
            versions=[version_message(replace(each, set=members)) for each in known if each],
            active=sorted(self._reporter.active),
            missing_limits=unlimited,
            warnings=[*remarks, *warnings],
        )

    async def _build(
        self, specs: Iterable[spec_pb2.FunctionSpec], say: Say, *, strict: bool
    ) -> list[str]:
        """Build the images that are not there, one after the other.

        Return what they have otherwise than asked for. Raises ImageBuildError, and with
        `strict` UnschedulableError for an image that would have another Python.
        """
        builder, remarks = self._builder, list[str]()
        for spec in specs:
            if builder is not None and spec.image:
                name = spec.name

                def tell(step: str, output: str, name: str = name) -> None:
                    say(name, f"image: {step}", output)

                try:
                    if strict:
                        await _insist_on_python(builder, spec)
                    await builder.build(spec.image, spec.options, tell)
                    found = await builder.remarks(spec.image, spec.options)
                except FnqError as problem:
                    problem.function = problem.function or name
                    raise
                remarks += (f"{name}: {each}" for each in found)
        return remarks

    async def _record(
        self, namespace: str, specs: Mapping[str, spec_pb2.FunctionSpec]
    ) -> list[str]:
        """Store the versions of a set; return the bundles that are gone meanwhile."""
        now_ms = time.time_ns() // _NS_IN_MS
        return await insist(
            "deploying",
            lambda: self._releases.record(namespace, specs, now_ms),
            full_tries=FULL_TRIES,
        )

    async def _changes(self, namespace: str, now: Mapping[str, Candidate]) -> list[str]:
        """Return what is to be told of versions that take the place of others, by their ids."""
        replaced = [
            (namespace, old) for old, (version, _) in now.items() if old not in ("", version)
        ]
        if not replaced:
            return []
        found = await insist("deploying", lambda: self._registry.versions(replaced))
        counts = await insist("deploying", lambda: self._backlog.count(replaced))
        told = [
            change_warning(old.spec, now[old.id][1], each.waiting)
            for old, each in zip(found, counts, strict=True)
            if old is not None
        ]
        return [each for each in told if each is not None]

    async def _recorded(self, namespace: str, identity: str) -> Version | None:
        """Return a version that is stored. Raises RecordError where it cannot be read."""
        return await insist("deploying", lambda: self._registry.version(namespace, identity))

    async def _go_live(self, namespace: str, specs: Mapping[str, spec_pb2.FunctionSpec]) -> int:
        """Make a set current; return its id. Raises DeployError where one is deleted."""
        members = {spec.name: identity for identity, spec in specs.items()}
        now_ms = time.time_ns() // _NS_IN_MS
        bound = await insist(
            "deploying",
            lambda: self._releases.go_live(namespace, members, now_ms),
            full_tries=FULL_TRIES,
        )
        if not bound:
            raise DeployError(DELETED)
        for identity, spec in specs.items():
            if spec.min_replicas:
                self._demand.want(namespace, identity)
        return bound


def _never_live(
    specs: Mapping[str, spec_pb2.FunctionSpec], known: Sequence[Version | None]
) -> list[Candidate]:
    live = {each.id for each in known if each is not None and each.live and not each.deleted}
    return [each for each in specs.items() if each[0] not in live]


async def _insist_on_python(builder: Builder, spec: spec_pb2.FunctionSpec) -> None:
    # What else is wrong with it is its own error.
    await builder.remarks(spec.image, spec.options)
    try:
        await builder.remarks(spec.image, {**spec.options, IMAGE_PYTHON: EXACT})
    except ImageBuildError as problem:
        raise UnschedulableError(str(problem)) from problem


def _failure(function: str, error: str, message: str, traceback: str) -> control_pb2.DeployEvent:
    failure = control_pb2.DeployFailure(
        function=function, error=error, message=message, traceback=traceback
    )
    return control_pb2.DeployEvent(failure=failure)


def version_message(version: Version) -> control_pb2.FunctionVersion:
    """Return a version as those who deploy and look up are told."""
    return control_pb2.FunctionVersion(
        id=version.id,
        number=version.number,
        spec=version.spec,
        created_ms=version.created_ms,
        set=version.set,
    )
