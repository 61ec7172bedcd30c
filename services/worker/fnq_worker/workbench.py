"""The calls that this agent has: given, sent to the runner, ended, settled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_core.blobs import Blobs
from fnq_core.service import Spawn
from fnq_wire import failure, pipe
from fnq_wire.pipe import Frame, Kind
from fnq_worker.gate import Gate
from fnq_worker.port import Hearer, NestedCalls
from fnq_worker.publisher import Publisher
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from fnq_worker.stall import Stall
from fnq_worker.stopper import Stopper
from fnq_worker.time_limit import TimeLimit

__all__ = ["Workbench"]

_TOLD_TO_STOP = "the worker that ran the call was told to stop before it had ended"


class Workbench:
    """The runs of one agent; each may take `timeout_s` seconds, where that is not 0.

    `spawn` starts what takes a while.
    """

    def __init__(self, slots: int, sync: bool, spawn: Spawn, timeout_s: float = 0.0) -> None:
        self._sync = sync
        self._spawn = spawn
        self._loop = asyncio.get_running_loop()
        self._runs: dict[bytes, Run] = {}
        self._gate = Gate(slots, sync, self._ready, self._send)
        self._stall = Stall(self._newest, self._clear)
        self._stopper = Stopper(sync, self._killed)
        self._limit = TimeLimit(timeout_s, self._stopper.stop)
        self._draining = False
        self.runner: Runner | None = None
        #: Why the function cannot run here, in the form of fnq_wire.failure.
        self.broken: Mapping[str, Any] | None = None
        self.publisher: Publisher
        self.hearer: Hearer
        self.children: NestedCalls
        self.blobs: Blobs
        self._emptied = asyncio.Event()

    @property
    def busy(self) -> int:
        """Invocations that have begun and not ended."""
        return sum(1 for run in self._runs.values() if run.started_at and not run.ended)

    def runs(self) -> Iterable[Run]:
        """Return all runs that are not settled."""
        return self._runs.values()

    def get(self, call: bytes, epoch: int) -> Run | None:
        """Return the run of this dispatch, unless it ended or another took its place."""
        run = self._runs.get(call)
        return run if run is not None and run.epoch == epoch and not run.ended else None

    def slots(self) -> worker_pb2.Slots:
        """Return what there is room for now."""
        free = 0 if self._draining else self._gate.free(stalled=self._stall.lasts)
        slots = worker_pb2.Slots(free=free)
        for depth, count in self._gate.lent().items():
            slots.lent.add(depth=depth, count=count)
        return slots

    def dispatched(self, dispatch: worker_pb2.Dispatch) -> None:
        """Take a call; it goes to the runner as soon as there is a slot."""
        call = dispatch.call
        old = self._runs.get(call.call)
        if old is not None and not old.ended:
            self.disown(old)
            if not old.ended:
                # It may take a while to stop, but nobody listens to it any more.
                self._end(old)
        run = Run(dispatch.stream, dispatch.entry, dispatch.epoch, dispatch.deaths, call)
        self._runs[call.call] = run
        if self.broken is not None:
            self._decree(run, self.broken)
            return
        self._gate.arrive(run)
        if self._draining and run.runner is None:
            self._give_back(run)
            return
        # It was on its way when the slots were stated anew.
        if self._stall.lasts and run.lender is None:
            self._stall.watch()

    def _ready(self) -> bool:
        return self.runner is not None and self.runner.ready

    def _send(self, run: Run) -> None:
        call = run.call
        run.runner = self.runner
        if call.payload.HasField("reference"):
            self._spawn(self._fetch_and_send(run), "fetch arguments")
        else:
            self._dispatch(run, call.payload.inline)

    async def _fetch_and_send(self, run: Run) -> None:
        """Send a run whose arguments lie elsewhere."""
        data = await self.blobs.read(run.call.payload.reference)
        if run.ended:
            return
        if data is None:
            text = "the call's arguments are gone: they were kept for a day"
            run.log().warning("the arguments of a call are gone")
            self._decree(run, failure.make("ResultExpiredError", text))
        else:
            self._dispatch(run, data)

    def _dispatch(self, run: Run, payload: bytes) -> None:
        assert run.runner is not None
        run.sent = True
        run.runner.send(run.frame(payload))

    def begun(self, frame: Frame) -> None:
        """Note that user code begins."""
        run = self.get(frame.call, frame.epoch)
        if run is not None:
            run.started_at = self._loop.time()
            self.publisher.begin(run)
            self._limit.begin(run)
            self._stall.watch()

    def _newest(self) -> float:
        """Return when the newest running call began, 0 where none runs."""
        begun = [run.started_at for run in self._runs.values() if run.started_at and not run.ended]
        return max(begun, default=0.0)

    def _clear(self) -> None:
        """Give back what waits here behind a call that takes unexpectedly long."""
        self._give_back_queued()
        self._revoke()
        self.hearer.restate()

    def _revoke(self) -> None:
        """Take back dispatches that the runner has not begun.

        A runner says STARTED before it looks for the last time whether a dispatch was
        revoked. So what has not said so once the revocation is in its pipe, and all
        that it wrote before is read, will not be begun.
        """
        runner = self.runner
        waiting = [
            run
            for run in self._runs.values()
            if run.runner is runner and not run.started_at and not run.ended and not run.lender
        ]
        if runner is None or not self._sync or not waiting:
            return
        for run in waiting:
            runner.send(pipe.encode(Kind.REVOKE, run.call.call, run.epoch))
        if runner.catch_up():
            for run in waiting:
                if not run.started_at and not run.ended:
                    self._give_back(run)

    def chunk(self, frame: Frame) -> None:
        """Publish a chunk."""
        run = self.get(frame.call, frame.epoch)
        if run is None or run.foregone is not None or run.disowned:
            return
        if len(frame.body) > self.blobs.most:
            run.foregone = frame.number, self._too_large(run, "yielded", frame)
            self._stopper.stop(run, "it yielded a value that is too large")
            return
        run.emitted = True
        self.publisher.chunk(run, frame.number, frame.body)

    def _too_large(self, run: Run, what: str, frame: Frame) -> failure.Envelope:
        size, most = len(frame.body), self.blobs.most
        run.log().warning("a value is too large", size=size, most=most)
        text = f"the value {what} has {size} bytes, the most is {most}"
        return failure.make("PayloadTooLargeError", text)

    def ended(self, frame: Frame) -> None:
        """Publish the end of a run: a value, a failure, or that a generator returned.

        Raises FrameError for a failure that is none.
        """
        run = self.get(frame.call, frame.epoch)
        if run is None:
            return
        if run.started_at:
            self._gate.pace.note(self._loop.time() - run.started_at)
            self._stall.over()
        if run.disowned:
            self._give_back(run)
            return
        if frame.kind == Kind.FAILED:
            run.foregone = run.foregone or (frame.number, failure.sound(pipe.read_json(frame)))
        elif frame.kind == Kind.VALUE and len(frame.body) > self.blobs.most:
            run.foregone = frame.number, self._too_large(run, "returned", frame)
        if run.foregone is not None:
            self._conclude(run, run.foregone)
        elif frame.kind == Kind.VALUE:
            self.publisher.end(run, frame.number).value.inline = frame.body
            self._end(run)
        else:
            self.publisher.end(run, frame.number).exhausted = True
            self._end(run)

    def _conclude(self, run: Run, foregone: tuple[int | None, Mapping[str, Any]]) -> None:
        """End a run with a failure, after the chunks that came before."""
        position, envelope = foregone
        if position is None or run.disowned:
            self._decree(run, envelope)
            return
        self.publisher.end(run, position).failure.CopyFrom(failure.to_proto(envelope))
        self._end(run)

    def _end(self, run: Run) -> None:
        """Free what the run took; it stays until its end is published and settled."""
        run.ended = True
        self._limit.end(run)
        if run.children:
            self.children.cancel_all(run)
        self._gate.leave(run)
        self.hearer.restate()

    def revoked(self, frame: Frame) -> None:
        """Give back a call that the runner will not begin."""
        run = self.get(frame.call, frame.epoch)
        if run is not None:
            self._give_back(run)

    def _give_back(self, run: Run) -> None:
        self._end(run)
        self._forget(run)
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
        run = self._runs.get(credit.call)
        if run is not None and run.runner is not None and not run.ended:
            body = credit.bytes.to_bytes(8, "little")
            run.runner.send(pipe.encode(Kind.CREDIT, credit.call, run.epoch, credit.chunks, body))

    def cancelled(self, call: bytes, reason: str) -> None:
        """Stop a run; its end is published like any other and heard by nobody."""
        run = self._runs.get(call)
        if run is None or run.ended:
            return
        if run.runner is None or not run.sent:
            self._decree(run, failure.make("CallCancelledError", reason))
            return
        self._stopper.stop(run, reason)

    def _killed(self, run: Run) -> None:
        """End a run that was stopped and whose code did not come to an end by itself."""
        if run.foregone is not None:
            self._conclude(run, run.foregone)
        else:
            self._decree(run, failure.make("CallCancelledError", "the runner was killed"))

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
        if result.HasField("end"):
            run.published = True
            self.hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, ended=True))
        elif result.chunks and not run.ended:
            self._say_streaming(run)

    def _say_streaming(self, run: Run) -> None:
        """Tell the consumer, once, that a repetition is another matter from now on."""
        if not run.streaming:
            run.streaming = True
            report = worker_pb2.Report(call=run.call.call, epoch=run.epoch, streaming=True)
            self.hearer.report(report)

    def settled(self, call: bytes) -> None:
        """Forget a run whose entry is acknowledged."""
        run = self._runs.get(call)
        if run is not None and run.published:
            self._forget(run)
            if run.call.payload.HasField("reference"):
                reference = run.call.payload.reference
                self._spawn(self.blobs.delete([reference]), "delete arguments")
        elif run is not None:
            self.disown(run)

    def disown(self, run: Run) -> None:
        """Stop a run whose call has ended, or has another run: nothing it says counts.

        Not even that it was stopped, which would end a call that is about to run anew.
        """
        if not run.ended and not run.disowned:
            run.disowned = True
            run.log().info("a run is given up: its call has ended, or runs elsewhere")
            self.cancelled(run.call.call, "its call has ended, or runs elsewhere")

    def _forget(self, run: Run) -> None:
        del self._runs[run.call.call]
        if not self._runs:
            self._emptied.set()

    def bury(self, runner: Runner, envelope: Mapping[str, Any]) -> None:
        """Deal with the death of a runner: what it had begun was lost, the rest is given back."""
        for run in list(self._runs.values()):
            if run.runner is not runner or run.ended:
                continue
            if run.foregone is not None:
                self._conclude(run, run.foregone)
            elif run.started_at:
                self._lose(run, envelope)
            else:
                self._give_back(run)

    def _lose(self, run: Run, envelope: Mapping[str, Any]) -> None:
        """Report a run as lost; first, that it has emitted what is on its way to the inbox."""
        if run.disowned:
            self._give_back(run)
            return
        run.log().warning("a call was lost", reason=envelope["message"])
        if run.emitted:
            self._say_streaming(run)
        self._end(run)
        self._forget(run)
        lost = failure.to_proto(envelope)
        self.hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, lost=lost))

    def fail(self, envelope: Mapping[str, Any]) -> None:
        """Answer every call with this from now on: the function cannot run here."""
        self.broken = envelope
        while (run := self._gate.take_out()) is not None:
            self._decree(run, envelope)

    def begin_again(self, runner: Runner) -> None:
        """Feed a runner that has imported the function."""
        self.runner = runner
        self._gate.feed()
        self.hearer.restate()

    async def emptied(self) -> None:
        """Return when every run is settled."""
        while self._runs:
            self._emptied.clear()
            await self._emptied.wait()

    def drain(self) -> None:
        """Take no more calls but those that running ones wait for, and give back the queue."""
        self._draining = True
        self._give_back_queued()
        self.hearer.restate()

    def give_back_all(self) -> None:
        """Give back what the runner was not left the time to finish: a drain is no death.

        Only a stream that may not be repeated is lost.
        """
        envelope = failure.make("WorkerLostError", _TOLD_TO_STOP, {"reason": "drain"})
        for run in list(self._runs.values()):
            if run.ended:
                continue
            if run.foregone is not None:
                self._conclude(run, run.foregone)
            elif run.emitted and not run.call.repeatable:
                self._lose(run, envelope)
            else:
                self._give_back(run)

    def _give_back_queued(self) -> None:
        while (run := self._gate.take_out()) is not None:
            self._give_back(run)
