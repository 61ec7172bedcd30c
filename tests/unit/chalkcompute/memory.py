"""A session without processes: each call runs in a thread, its values as real bytes."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from types import FunctionType, SimpleNamespace
from typing import Any

from chalkcompute import context
from chalkcompute.errors import NotFoundError, NotReadyError
from chalkcompute.functions import Functions
from chalkcompute.inflight import Inflight, Outcome, Target, Terms, Watched
from chalkcompute.port import Deployed, Parameters
from fnq.v1 import spec_pb2
from fnq_wire import callid
from fnq_wire.arrow import Codec
from fnq_wire.failure import describe, make
from fnq_wire.inquiry import Facts
from fnq_wire.pieces import Payload, whole
from fnq_wire.version import is_single, version_id

#: Seconds after which a test that waits has failed.
PATIENCE = 10.0


class Cancelled(BaseException):
    """Ends the run of a call that nobody wants any more."""


class Run:
    """One call as its worker sees it."""

    def __init__(self, inflight: Inflight, body: Callable[..., Any], kind: str) -> None:
        self.inflight = inflight
        self.body = body
        self.kind = kind
        self.news = threading.Condition()
        self.cancelled = False
        self.credits: list[tuple[int, int]] = [(64, 1 << 20)]
        self.emitted, self.size = 0, 0

    def push(self, payload: bytes) -> None:
        """Emit a chunk once there is credit for it."""
        with self.news:
            assert self.news.wait_for(self._may_emit, PATIENCE), "no credit came"
            if self.cancelled:
                raise Cancelled
            self.emitted += 1
            self.size += len(payload)
        self.inflight.push(payload)

    def _may_emit(self) -> bool:
        chunks, size = self.credits[-1]
        return self.cancelled or (self.emitted < chunks and self.size < size)

    def wait(self, seen: Callable[[Run], bool]) -> None:
        """Wait until `seen` is true of this run."""
        with self.news:
            assert self.news.wait_for(lambda: seen(self), PATIENCE)


class MemorySession:
    """Implements `port.Session`; keeps what it was asked, for tests to look at."""

    def __init__(self) -> None:
        self.bodies: dict[tuple[str, str], FunctionType] = {}
        self.deploys: list[list[spec_pb2.FunctionSpec]] = []
        self.bundles: dict[str, bytes] = {}
        self.versions: dict[str, tuple[spec_pb2.FunctionSpec, FunctionType, int]] = {}
        self.current: dict[str, str] = {}
        self.runs: list[Run] = []
        self.threads: list[threading.Thread] = []
        self.readied: list[tuple[str, float | None]] = []
        self.lookups = 0
        self.spawned: dict[bytes, tuple[Run, Target]] = {}
        self.settled: list[bytes] = []
        #: By the id of the wish, the call.
        self.watches: dict[bytes, bytes] = {}
        self.asked: list[Terms | None] = []
        #: Of whatever is looked up.
        self.set = 0
        self.refusal: Exception | None = None
        self.parked = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def capture(self, functions: Sequence[FunctionType]) -> SimpleNamespace:
        """Stand in for `chalkcompute.capture.capture`."""
        where = {each: (each.__module__, each.__qualname__) for each in functions}
        self.bodies |= {place: each for each, place in where.items()}
        label = "+".join(f"{each.__qualname__}@{id(each)}" for each in functions)
        return SimpleNamespace(hash=label, data=label.encode(), where=where, left_out=[])

    active: frozenset[str] = frozenset()
    missing_limits: frozenset[str] = frozenset()

    warnings: Sequence[str] = ()

    def deploy(
        self,
        specs: Sequence[spec_pb2.FunctionSpec],
        bundles: Mapping[str, bytes],
        timeout: float | None = None,
    ) -> Deployed:
        assert self.gate.wait(PATIENCE)
        self.deploys.append(list(specs))
        if self.refusal is not None:
            raise self.refusal
        self.bundles |= bundles
        for spec in specs:
            identity = version_id(spec)
            number = 1 + sum(each.name == spec.name for each, _, _ in self.versions.values())
            body = self.bodies[spec.module, spec.qualname]
            self.versions.setdefault(identity, (spec, body, number))
            self.current[spec.name] = identity
        made = [(version_id(spec), self.versions[version_id(spec)][2]) for spec in specs]
        return Deployed(made, self.active, self.missing_limits, self.warnings)

    @property
    def functions(self) -> Functions:
        raise AssertionError("nobody looks after functions here")

    def lookup(self, name: str, number: int | None) -> tuple[Target, Parameters]:
        self.lookups += 1
        for identity, (spec, _, found) in self.versions.items():
            is_current = identity == self.current[spec.name]
            if spec.name == name and (found == number if number else is_current):
                repeatable = spec.retry.attempts > 0
                target = Target(identity, name, spec.kind, found, repeatable, self.set)
                target.batch, target.single = spec.batching.max_size, is_single(spec)
                target.types = tuple(each.type for each in spec.parameters)
                target.returns = spec.returns
                return target, [(each.name, each.kind, each.required) for each in spec.parameters]
        raise NotFoundError(f"no function {name!r}")

    def resolve(self, name: str) -> Target:
        return self.lookup(name, None)[0]

    def wait_ready(self, target: Target, timeout: float | None) -> None:
        self.readied.append((target.name, timeout))
        if self.refusal is not None:
            raise NotReadyError(str(self.refusal))

    def submit(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None = None,
        *,
        rows: int = 1,
        packed: bool = False,
    ) -> Inflight:
        self.asked.append(terms)
        spec, body, _ = self.versions[target.version]
        parent = context.current.get()
        call = callid.make(1_790_000_000_000, target.version, 1, len(self.runs))
        here = context.CallContext(
            call_id=callid.text(call),
            function=target.name,
            version=target.version,
            attempt=0,
            deadline=None,
            parent_call_id=parent.call_id if parent else None,
            root_call_id=parent.root_call_id if parent else callid.text(call),
            depth=parent.depth + 1 if parent else 0,
        )
        run = Run(Inflight(call), body, spec.kind)
        self.runs.append(run)
        thread = threading.Thread(target=serve, args=(run, payload, here), daemon=True)
        self.threads.append(thread)
        thread.start()
        return run.inflight

    def spawn(self, target: Target, payload: Payload, terms: Terms | None = None) -> Inflight:
        sent = Inflight(self.submit(target, payload, terms).call)
        self.spawned[sent.call] = self.runs[-1], target
        return sent

    def settle(self, inflight: Inflight) -> None:
        self.settled.append(inflight.call)

    def watch(self, call: bytes, after: int = 0, *, end_only: bool = False) -> Watched:
        """Pass on what the run has brought by its end."""
        watched = Watched(os.urandom(16))
        self.watches[watched.call] = call

        def follow() -> None:
            run, _ = self.spawned[call]
            run.wait(lambda run: run.inflight.outcome is not None)
            for chunk in list(run.inflight.chunks)[after:] if not end_only else ():
                watched.push(chunk)
            watched.finish(run.inflight.outcome or Outcome())

        if call in self.spawned:
            threading.Thread(target=follow, daemon=True).start()
        else:
            watched.finish(Outcome(failure=make("NotFoundError", "there is no such call")))
        return watched

    def show(self, call: bytes) -> Facts:
        if call not in self.spawned:
            raise NotFoundError("there is no such call")
        run, target = self.spawned[call]
        ended = run.inflight.outcome is not None
        return {
            "call": call.hex(),
            "function": target.name,
            "kind": target.kind,
            "state": "succeeded" if ended else "running",
            "why": "as it is",
            "error": "",
            "queued_ms": 1_000,
            "started_ms": 2_000,
            "ended_ms": 3_000 if ended else 0,
            "attempt": 0,
            "worker": None if ended else 0,
            "tags": dict(self.asked[-1].tags) if self.asked[-1] else {},
        }

    def stop(self, call: bytes) -> bool:
        run, _ = self.spawned[call]
        self.cancel(run.inflight)
        return run.inflight.outcome is None

    def lines(self, call: bytes) -> list[str]:
        return [f"a line of {call.hex()}"]

    def park(self, inflight: Inflight, timeout: float | None) -> bool:
        news = threading.Event()
        inflight.wake = news.set
        self.parked.set()
        if inflight.chunks or inflight.outcome is not None:
            return True
        return news.wait(PATIENCE if timeout is None else timeout)

    async def park_async(self, inflight: Inflight) -> None:
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        inflight.wake = lambda: loop.call_soon_threadsafe(news.set)  # type: ignore[assignment]
        self.parked.set()
        try:
            if not inflight.chunks and inflight.outcome is None:
                await asyncio.wait_for(news.wait(), PATIENCE)
        finally:
            inflight.wake = None

    def credit(self, inflight: Inflight, chunks: int, size: int) -> None:
        run = self.run_of(inflight)
        with run.news:
            run.credits.append((chunks, size))
            run.news.notify_all()

    def cancel(self, inflight: Inflight) -> None:
        if isinstance(inflight, Watched):
            self.watches.pop(inflight.call, None)
            return
        run = self.run_of(inflight)
        with run.news:
            run.cancelled = True
            run.news.notify_all()

    def run_of(self, inflight: Inflight) -> Run:
        """Return the run that answers a call."""
        return next(run for run in self.runs if run.inflight is inflight)

    def close(self) -> None:
        """End every run."""
        for run in self.runs:
            self.cancel(run.inflight)
        until = time.monotonic() + PATIENCE
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))


def serve(run: Run, payload: Payload, here: context.CallContext) -> None:
    """Run the body of a call and report how it ended."""
    context.current.set(here)
    codec = Codec.of(run.body)
    try:
        args, kwargs = codec.decode_arguments(whole(payload))
        result = run.body(*args, **kwargs)
        if run.kind == "coroutine":
            result = asyncio.run(result)
        elif run.kind == "generator":
            _drain(run, codec, result)
        elif run.kind == "async_generator":
            asyncio.run(_drain_async(run, codec, result))
        if run.kind.endswith("generator"):
            outcome = Outcome(exhausted=True)
        else:
            outcome = Outcome(value=codec.encode_result(result))
    except Cancelled:
        outcome = Outcome(failure=make("CallCancelledError", "cancelled"))
    except Exception as problem:  # noqa: BLE001 - user code may raise anything
        outcome = Outcome(failure=describe(problem), attempt=2)
    with run.news:
        run.inflight.finish(outcome)
        run.news.notify_all()


def _drain(run: Run, codec: Codec, chunks: Iterator[object]) -> None:
    for chunk in chunks:
        run.push(codec.encode_result(chunk))


async def _drain_async(run: Run, codec: Codec, chunks: AsyncIterator[object]) -> None:
    async for chunk in chunks:
        run.push(codec.encode_result(chunk))
