"""A workbench with nothing real around it: what it says and sends is written down."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from typing import Any, cast

from fnq.v1 import record_pb2, result_pb2, spec_pb2, worker_pb2
from fnq_core.service import Tasks
from fnq_wire import failure, pipe
from fnq_wire.pipe import Frame, Kind
from fnq_wire.spool import Spool
from fnq_worker.pool import Pool
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from fnq_worker.workbench import Workbench

__all__ = ["Bench", "ToyRunner"]


class ToyRunner:
    """A runner's pipe: the frames that go down, decoded."""

    def __init__(self) -> None:
        self.pid = 1
        self.taken = 0
        self.retired = self.sacrificed = False
        self.served = asyncio.Event()
        self.token = "b" * 32
        self.spool: Spool | None = None
        self.sent: list[Frame] = []
        self.signals: list[int] = []

    def send(self, frame: bytes) -> None:
        self.sent += pipe.Decoder().feed(frame)

    def kill(self, number: int) -> None:
        self.signals.append(number)

    def destroy(self, why: str) -> None:
        self.sacrificed = True
        self.kill(signal.SIGKILL)

    def catch_up(self) -> bool:
        return True

    def given(self) -> list[tuple[bytes, int]]:
        """Return (call, epoch) of the dispatches it got."""
        return [(each.call, each.epoch) for each in self.sent if each.kind == Kind.DISPATCH]


class Bench:
    """A workbench, and all it speaks to: publisher, link, children and runner."""

    def __init__(
        self,
        slots: int = 1,
        sync: bool = True,
        timeout_s: float = 0.0,
        runners: int = 1,
        retry: spec_pb2.Retry | None = None,
    ) -> None:
        self.failed: list[BaseException] = []
        self.tasks = Tasks(self.failed.append)
        spec = spec_pb2.FunctionSpec(timeout_s=timeout_s, retry=retry)
        self.bench = Workbench(Pool(runners, slots), sync, self.tasks.start, spec)
        self.ends: list[tuple[bytes, int, result_pb2.End]] = []
        self.positions: list[int] = []
        self.chunks: list[tuple[bytes, int, bytes]] = []
        self.restated = 0
        self.reports: list[worker_pb2.Report] = []
        self.orphaned: list[set[bytes]] = []
        self.batches = 0
        near: Any = self
        self.bench.publisher = self.bench.hearer = self.bench.children = near
        self.bench.share(near)
        self.most = 1 << 20
        self.runners = [self.add() for _ in range(runners)]
        self.runner = self.runners[0]

    def add(self) -> ToyRunner:
        """Give it one more runner."""
        runner: Any = ToyRunner()
        self.bench.begin_again(runner)
        return cast("ToyRunner", runner)

    def part_with(self, runner: ToyRunner) -> None:
        """Have a runner take no more calls."""
        self.bench.part_with(cast("Runner", runner))

    # What the workbench asks of the publisher, the link and the children.

    def begin(self, run: Run) -> None:
        """Take note of nothing: starts are of no interest here."""

    def chunk(self, run: Run, position: int, payload: bytes) -> None:
        self.chunks.append((run.call.call, position, payload))

    def end(self, run: Run, position: int) -> result_pb2.End:
        end = result_pb2.End()
        self.positions.append(position)
        self.ends.append((run.call.call, run.epoch, end))
        return end

    def decree(self, run: Run) -> result_pb2.End:
        return self.end(run, 0)

    def report(self, report: worker_pb2.Report) -> None:
        self.reports.append(report)

    def restate(self) -> None:
        """Count: tests ask for the slots themselves."""
        self.restated += 1

    def cancel_all(self, run: Run) -> None:
        self.orphaned.append(set(run.children))
        run.children.clear()

    # What a consumer and a runner say to the workbench.

    def dispatch(
        self, name: str, epoch: int = 1, depth: int = 0, *, repeatable: bool = False
    ) -> bytes:
        """Give it a call; return its id."""
        call = name.encode().ljust(16, b".")
        entry = record_pb2.Entry(call=call, inbox="inbox", depth=depth, repeatable=repeatable)
        self.bench.dispatched(
            worker_pb2.Dispatch(stream="s", entry=f"{name}-1", epoch=epoch, call=entry)
        )
        return call

    def dispatch_together(
        self,
        *names: str,
        of: int = 0,
        epoch: int = 1,
        deaths: Sequence[int] = (),
        remaining_ms: Sequence[int] = (),
    ) -> list[bytes]:
        """Give it calls of one batch of `of` calls, or of just these; return their ids."""
        self.batches += 1
        calls = [name.encode().ljust(16, b".") for name in names]
        for at, (name, call) in enumerate(zip(names, calls, strict=True)):
            entry = record_pb2.Entry(call=call, inbox="inbox")
            entry.payload.inline = name.encode()
            dispatch = worker_pb2.Dispatch(
                stream="s",
                entry=f"{name}-1",
                epoch=epoch,
                call=entry,
                batch=self.batches,
                batch_size=of or len(names),
                deaths=deaths[at] if deaths else 0,
                remaining_ms=remaining_ms[at] if remaining_ms else 0,
            )
            self.bench.dispatched(dispatch)
        return calls

    def say(
        self, kind: Kind, call: bytes, epoch: int = 1, number: int = 0, body: bytes = b"{}"
    ) -> None:
        """Let the runner say something of a call."""
        if kind == Kind.FAILED:
            body = json.dumps(FAILED).encode()
        frame = Frame(kind, call, epoch, number, body)
        bench = self.bench
        verbs = {
            Kind.STARTED: bench.begun,
            Kind.LEND: bench.lend,
            Kind.RECLAIM: bench.reclaim,
            Kind.REVOKED: bench.revoked,
            Kind.CHUNK: bench.chunk,
        }
        verbs.get(kind, bench.ended)(frame)

    def free(self) -> int:
        """Return how many slots it says are free."""
        return self.bench.slots().free

    def lent(self) -> dict[int, int]:
        """Return the lent slots that it offers."""
        return {each.depth: each.count for each in self.bench.slots().lent}

    def what(self) -> list[str]:
        """Return what it reported, in order."""
        return [str(each.WhichOneof("what")) for each in self.reports]

    def ended_with(self) -> list[str]:
        """Return the outcomes that were published, failures by their class."""
        return [end.failure.error or str(end.WhichOneof("outcome")) for _, _, end in self.ends]


FAILED = failure.make("RemoteError", "it failed")
