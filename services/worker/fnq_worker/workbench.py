"""The calls that this agent has: given, sent to the runner, ended, settled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from fnq.v1 import record_pb2, result_pb2, spec_pb2, worker_pb2
from fnq_core.blobs import Blobs
from fnq_core.service import Spawn
from fnq_wire import failure, pipe
from fnq_wire.pipe import Frame, Kind
from fnq_worker import progress
from fnq_worker.activity import Activity
from fnq_worker.archive import overflow
from fnq_worker.batch import Batch
from fnq_worker.gate import Gate
from fnq_worker.intake import Intake, fill
from fnq_worker.pool import Pool
from fnq_worker.port import Hearer, NestedCalls
from fnq_worker.publisher import Publisher
from fnq_worker.retries import Retries
from fnq_worker.revocation import revoke
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from fnq_worker.runs import Runs
from fnq_worker.sender import Sender
from fnq_worker.stall import Stall
from fnq_worker.stopper import Stopper
from fnq_worker.time_limit import TimeLimit

__all__ = ["Workbench"]

_TOLD_TO_STOP = "the worker that ran the call was told to stop before it had ended"


class Workbench:
    """The runs of one agent; `spec` says how long each may take, and how often it is repeated.

    `pool` is of its runners, `spawn` starts what takes a while.
    """

    def __init__(self, pool: Pool, sync: bool, spawn: Spawn, spec: spec_pb2.FunctionSpec) -> None:
        self._sync = sync
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._runs = Runs()
        self._sender = Sender(spawn, self._decree)
        self.intake = Intake()
        self._blobs: Blobs
        self._gate = Gate(pool, sync, self._sender.send)
        self.activity = Activity(self._runs, self._gate.pace)
        # By the newest running call: what waits here waits for that.
        self._stall = Stall(lambda: self._runs.newest(pool), self._clear)
        # Only the main thread of a runner can be interrupted.
        self._stopper = Stopper(sync and pool.slots == 1, self._killed)
        self._retries = Retries(spec.retry)
        self._limit = TimeLimit(spec.timeout_s, self._retries.timeouts, self._stop)
        self._draining = False
        #: Why the function cannot run here, in the form of fnq_wire.failure.
        self.broken: Mapping[str, Any] | None = None
        self.publisher: Publisher
        self.hearer: Hearer
        self.children: NestedCalls

    def share(self, blobs: Blobs) -> None:
        """Say where large values lie."""
        self._blobs = self._sender.blobs = self.intake.blobs = blobs

    @property
    def busy(self) -> Counter[Runner | None]:
        """How many invocations have begun and not ended, by their runner."""
        return self._runs.busy()

    def runs(self) -> Iterable[Run]:
        """Return all runs that are not settled."""
        return self._runs

    def get(self, call: bytes, epoch: int) -> Run | None:
        """Return the run, or batch, that frames call so; None once it or its dispatch is over."""
        return self._runs.live(call, epoch)

    def slots(self) -> worker_pb2.Slots:
        """Return what there is room for now."""
        closed = self._draining or self.activity.cordoned
        free = 0 if closed else self._gate.free(stalled=self._stall.lasts)
        lent = [worker_pb2.Lent(depth=depth, count=n) for depth, n in self._gate.lent().items()]
        return worker_pb2.Slots(free=free, lent=lent)

    def dispatched(self, dispatch: worker_pb2.Dispatch) -> None:
        """Take a call; it goes to the runner as soon as there is a slot."""
        old = self._runs.of(dispatch.call.call)
        if old is not None and not old.ended:
            self.disown(old)
            if not old.ended:
                # It may take a while to stop, but nobody listens to it any more.
                self._end(old)
        run = Run.of(dispatch)
        self._runs.add(run)
        if dispatch.remaining_ms:
            self._limit.arrive(run, dispatch.remaining_ms)
        whole = self._runs.batches.join(run, dispatch) if dispatch.batch else run
        if whole is not None:
            self._arrive(whole)

    def parted(self) -> None:
        """Take batches for complete: what they wait for goes elsewhere."""
        for batch in self._runs.batches.close():
            self._arrive(batch)

    def _arrive(self, run: Run) -> None:
        if (broken := self.broken) is not None:
            self._finish(run, lambda each: self._decree(each, broken))
            return
        self._gate.arrive(run)
        if self._draining and run.runner is None:
            self._finish(run, self._give_back)
            return
        # It was on its way when the slots were stated anew.
        if self._stall.lasts and run.lender is None:
            self._stall.watch()

    def begun(self, frame: Frame) -> None:
        """Note that user code begins."""
        run = self.get(frame.call, frame.epoch)
        if run is not None:
            run.started_at = self._loop.time()
            for each in run.parts:
                each.started_at = run.started_at
                self.publisher.begin(each)
                self._limit.begin(each)
            self._stall.watch()

    def _clear(self) -> None:
        """Give back what waits here behind a call that takes unexpectedly long."""
        self._dismiss(self._give_back)
        for runner in tuple(self._gate.pool) if self._sync else ():
            for run in revoke(runner, self._runs.invocations()):
                self._finish(run, self._give_back)
        self.hearer.restate()

    def chunk(self, frame: Frame) -> None:
        """Publish a chunk."""
        run = self.get(frame.call, frame.epoch)
        if run is None or run.disowned or run.takes_no_chunk:
            self.intake.drop(frame)
            return
        value = self.intake.take(run, frame, "yielded")
        if value is None or overflow(run, value, frame.number):
            self._stop(run, "it yielded a value that cannot be taken")
            return
        run.emitted = True
        self.publisher.chunk(run, frame.number, value)

    def ended(self, frame: Frame) -> None:
        """Publish the end of a run: a value, a failure, or that a generator returned.

        Raises FrameError for a failure that is none.
        """
        run = self.get(frame.call, frame.epoch)
        if run is None:
            self.intake.drop(frame)
            return
        if isinstance(run, Batch):
            for part in run.closing(frame):
                self.ended(part)
            self._end(run)
            self._stall.over()
            return
        if run.started_at and run.batch is None:
            self._gate.pace.note(self._loop.time() - run.started_at)
            self._stall.over()
        if run.disowned:
            self.intake.drop(frame)
            self._give_back(run)
            return
        if frame.kind == Kind.FAILED:
            self._retries.hear(run, frame)
        value = self.intake.take(run, frame, "returned") if frame.kind == Kind.VALUE else None
        if run.foregone is not None:
            self._conclude(run, run.foregone)
        elif value is not None:
            fill(self.publisher.end(run, frame.number).value, value)
            self._end(run)
        else:
            self.publisher.end(run, frame.number).exhausted = True
            self._end(run)

    def _conclude(self, run: Run, foregone: tuple[int | None, Mapping[str, Any]]) -> None:
        """End a run with a failure, after the chunks that came before, or have it repeated."""
        position, envelope = foregone
        if (report := self._retries.postpone(run, envelope)) is not None:
            self._end(run)
            self.hearer.report(report)
            return
        if position is None or run.disowned:
            self._decree(run, envelope)
            return
        self.publisher.end(run, position).failure.CopyFrom(failure.to_proto(envelope))
        self._end(run)

    def _finish(self, run: Run, end: Callable[[Run], None]) -> None:
        """End what has not ended of a run: itself, or the calls of a batch and then that."""
        for each in run.parts:
            end(each)
        if not run.ended:
            self._end(run)

    def _end(self, run: Run) -> None:
        """Free what the run took; it stays until its end is published and settled."""
        run.ended = True
        self._limit.end(run)
        if isinstance(run, Batch):
            self._runs.batches.forget(run)
        elif run.batch is not None and run.batch.moot:
            self._end(run.batch)
        if run.children:
            self.children.cancel_all(run)
        self._gate.leave(run)
        if run.runner is not None and run.runner.retired and not self.is_serving(run.runner):
            run.runner.served.set()
        self.hearer.restate()

    def revoked(self, frame: Frame) -> None:
        """Give back a call that the runner will not begin."""
        run = self.get(frame.call, frame.epoch)
        if run is not None:
            self._finish(run, self._give_back)

    def _give_back(self, run: Run) -> None:
        progress.tell_before_leaving(self.hearer, run)
        self._end(run)
        self._runs.forget(run)
        self.hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, returned=True))

    def lend(self, frame: Frame) -> None:
        """Offer the slot of a run that waits for a nested call."""
        run = self.get(frame.call, frame.epoch)
        if run is not None:
            self._gate.lend(run, frame.number)
            self.hearer.restate()

    def reclaim(self, frame: Frame) -> None:
        """Withdraw the slot of a run that goes on; who has it may finish."""
        run = self.get(frame.call, frame.epoch)
        if run is not None:
            self._gate.reclaim(run)
            self.hearer.restate()

    def credited(self, credit: record_pb2.Credit) -> None:
        """Let a generator run on."""
        run = self._runs.of(credit.call)
        if run is not None and run.runner is not None and not run.ended:
            body = credit.bytes.to_bytes(8, "little")
            run.runner.send(pipe.encode(Kind.CREDIT, credit.call, run.epoch, credit.chunks, body))

    def cancelled(self, call: bytes, reason: str) -> None:
        """Stop a run; its end is published like any other and heard by nobody."""
        run = self._runs.of(call)
        if run is not None and not run.ended:
            run.cancelled = True
            self._stop(run, reason)

    def _stop(self, run: Run, reason: str) -> None:
        """Have a run come to an end; one whose code cannot have begun ends at once."""
        if run.sent:
            self._stopper.stop(run, reason)
            return
        self._conclude(run, run.foregone or (None, failure.make("CallCancelledError", reason)))
        if run.batch is not None and run.batch.deserted:
            self._stopper.stop(run.batch, reason)

    def _killed(self, run: Run) -> None:
        """End a run that was stopped and whose code did not come to an end by itself."""
        text = "the runner was killed"
        foregone = run.foregone or (None, failure.make("CallCancelledError", text))
        self._finish(run, lambda each: self._conclude(each, foregone))

    def _decree(self, run: Run, envelope: Mapping[str, Any]) -> None:
        if run.disowned:
            self._give_back(run)
            return
        self.publisher.decree(run).failure.CopyFrom(failure.to_proto(envelope))
        self._end(run)

    def unheard(self, run: Run) -> None:
        """Stop a run whose inbox is gone: its caller and server are."""
        if not run.call.detached:
            self.cancelled(run.call.call, "its caller is gone")

    def published(self, run: Run, result: result_pb2.Result) -> None:
        """Tell the consumer what is safe in the inbox now."""
        self.intake.published(result)
        if result.HasField("end"):
            run.published = True
            self.hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, ended=True))
        elif result.chunks and not run.ended:
            progress.tell_published(self.hearer, run, result, self._loop.time())

    def settled(self, call: bytes) -> None:
        """Forget a run whose entry is acknowledged."""
        run = self._runs.of(call)
        if run is not None and run.failed is not None:
            self._runs.forget(run)
        elif run is not None and run.published:
            self._runs.forget(run)
            if run.call.payload.HasField("reference"):
                reference = run.call.payload.reference
                self._spawn(self._blobs.delete([reference]), "delete arguments")
        elif run is not None:
            self.disown(run)

    def disown(self, run: Run) -> None:
        """Stop a run whose call has ended, or has another run: nothing it says counts.

        Not even that it was stopped, which would end a call that is about to run anew.
        """
        if run.failed is not None:
            self._runs.forget(run)
        elif not run.ended and not run.disowned:
            run.disowned = True
            run.log().info("a run is given up: its call has ended, or runs elsewhere")
            self.cancelled(run.call.call, "its call has ended, or runs elsewhere")

    def bury(self, runner: Runner, envelope: Mapping[str, Any]) -> None:
        """Deal with the death of a runner: what it had begun was lost, the rest is given back."""
        for run in self._runs.invocations():
            if run.runner is runner and not run.ended:
                blamed = () if runner.sacrificed else run.blamed
                self._finish(run, partial(self._break_off, envelope=envelope, blamed=blamed))

    def _break_off(self, run: Run, envelope: Mapping[str, Any], blamed: Sequence[Run] = ()) -> None:
        """End a run that its runner does not; if it is `blamed` it is lost once it has begun."""
        if run.foregone is not None:
            self._conclude(run, run.foregone)
        elif (run in blamed and run.started_at) or not run.may_begin_anew:
            self._lose(run, envelope)
        else:
            self._give_back(run)

    def _lose(self, run: Run, envelope: Mapping[str, Any]) -> None:
        """Report a run as lost; first, how far it has come."""
        if run.disowned:
            self._give_back(run)
            return
        run.log().warning("a call was lost", reason=envelope["message"])
        progress.tell_before_loss(self.hearer, run)
        self._end(run)
        self._runs.forget(run)
        lost = failure.to_proto(envelope)
        self.hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, lost=lost))

    def fail(self, envelope: Mapping[str, Any]) -> None:
        """Answer every call with this from now on: the function cannot run here."""
        self.broken = envelope
        self._dismiss(lambda each: self._decree(each, envelope))

    def begin_again(self, runner: Runner) -> None:
        """Feed a runner that has imported the function."""
        self._gate.pool.add(runner)
        self._gate.feed()
        self.hearer.restate()

    def part_with(self, runner: Runner) -> None:
        """Give a runner no more calls; what it runs may end."""
        self._gate.part_with(runner)
        self.hearer.restate()

    def is_serving(self, runner: Runner) -> bool:
        """Return whether a runner has runs that have not ended."""
        return any(run.runner is runner and not run.ended for run in self._runs.invocations())

    async def emptied(self) -> None:
        """Return when every run is settled."""
        await self._runs.emptied()

    def drain(self) -> None:
        """Take no more calls but those that running ones wait for, and give back the queue."""
        self._draining = True
        self._dismiss(self._give_back)
        self.hearer.restate()

    def give_back_all(self) -> None:
        """Give back what the runner was not left the time to finish: a drain is no death.

        Only a stream that may not be repeated is lost.
        """
        envelope = failure.make("WorkerLostError", _TOLD_TO_STOP, {"reason": "drain"})
        for run in self._runs:
            if not run.ended:
                self._break_off(run, envelope)

    def _dismiss(self, end: Callable[[Run], None]) -> None:
        while (run := self._gate.take_out()) is not None:
            self._finish(run, end)
