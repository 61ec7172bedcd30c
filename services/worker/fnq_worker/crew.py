"""Keeps runners alive: forks them, greets them, routes their frames, replaces them."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import structlog

from fnq_core.backoff import Backoff
from fnq_core.presence import CANNOT_BEGIN
from fnq_wire import callid, failure, pipe
from fnq_wire.pipe import Frame, FrameError, Kind
from fnq_worker.allowance import Allowance
from fnq_worker.children import Children
from fnq_worker.obituary import CUT_OFF, LOST, exits, obituary
from fnq_worker.printer import Printer
from fnq_worker.runner import Runner
from fnq_worker.workbench import Workbench
from fnq_worker.zygote import Zygote

__all__ = ["Crew"]

#: Deaths during import after which the function counts as broken here.
_MOST_STILLBIRTHS = 3
#: Seconds within which the zygote says how a runner ended whose pipe closed.
_EXIT_S = 1.0
#: Of one whose parent, the zygote, has died.
_ORPHANED = "the process that it was forked from was lost"
#: Sequence numbers that one runner uses for nested calls, again and again, and how many
#: runners there can be so that no two have the same.
_SEQ_STRIDE = 1 << 16
_RANGES = callid.SEQ_LIMIT // _SEQ_STRIDE
#: Runners at once that take no more calls; the first of more is killed.
_MOST_RETIRED = 16
_OVERDUE = "it was killed, since code in it did not end, nor did that of its successors"
#: Seconds that the exit handlers of a retired one have.
_LEAVE_S = 5.0
#: What the number of a LOG frame stands for.
_SOURCES = {1: "stdout", 2: "stderr", 3: "system"}
_log = structlog.get_logger()


class Crew:
    """The runners of this agent, `count` of them, and their successors.

    They are forked on `terms`: see `fnq_runner.zygote`, by the one at the path `zygote`, or by
    `own`, which may be on its way. One that has code that cannot be
    stopped retires: a successor takes its place at once, while its other calls finish.
    `standing` is told of each change: state, reason, traceback, and the process id of the
    runner that brings it about.
    """

    def __init__(
        self,
        hello: Mapping[str, Any],
        zygote: str | None,
        bench: Workbench,
        children: Children,
        printer: Printer,
        standing: Callable[[str, str, str, int], None],
        fatal: Callable[[BaseException], None],
        count: int = 1,
        terms: Mapping[str, Any] = MappingProxyType({}),
        own: Zygote | None = None,
    ) -> None:
        self._hello = hello
        self._terms = {"cwd": str(hello["root"]), **terms}
        self._count = count
        self._path = zygote
        self._allowance = Allowance.of(terms)
        self._bench = bench
        self._children = children
        self._printer = printer
        self._standing = standing
        self._fatal = fatal
        self._zygote = own or Zygote()
        self._known: dict[str, Runner] = {}
        self._number = 0
        self._forking = asyncio.Lock()
        self._stillbirths = 0
        self._backoff = Backoff(first_s=0.01, most_s=5.0)
        self._replacing: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> None:
        """Fork the first runners. Raises OSError when there is no zygote."""
        await self._zygote.open(self._path, self._exited, self._zygote_lost)
        await self._fill()

    @property
    def runners(self) -> Iterable[Runner]:
        """All of them that have not ended."""
        return self._known.values()

    async def _fill(self) -> None:
        """Fork the runners that are missing."""
        async with self._forking:
            while self._is_short():
                await self._fork()

    def _is_short(self) -> bool:
        ends = self._stopping or self._bench.broken is not None
        return not ends and len(self._known) - len(self._retired()) < self._count

    def _retired(self) -> list[Runner]:
        return [runner for runner in self._known.values() if runner.retired]

    async def _fork(self) -> None:
        token = uuid.uuid4().hex
        runner = Runner(token, self._received, self._printed, self._broke)
        runner.number = self._next_number()
        self._known[token] = runner
        files = runner.open()
        try:
            runner.pid = await self._zygote.fork(token, files, self._terms)
        finally:
            for file in files:
                os.close(file)
        runner.send(pipe.encode_json(Kind.HELLO, dict(self._hello)))
        self._tell(runner)
        self._spawn(self._grant(runner))

    def _next_number(self) -> int:
        """Return a range of call ids that no living runner has."""
        had = {runner.number for runner in self._known.values()}
        while True:
            self._number = (self._number + 1) % _RANGES
            if self._number not in had:
                return self._number

    def _tell(self, runner: Runner) -> None:
        """Tell how the agent is: ready where any runner takes calls."""
        ready = any(each.ready and not each.retired for each in self._known.values())
        self._standing("ready" if ready else "starting", "", "", runner.pid)

    async def _grant(self, runner: Runner) -> None:
        """Give the runner its range of call ids, once a server has granted one.

        By then it is known how large a value may be, and in which spool it may lie.
        """
        await self._children.nest.granted()
        spool = self._children.blobs.spool
        tag, offset_ms = self._children.nest.session.grant
        fields = {
            "offset_ms": offset_ms,
            "first": runner.number * _SEQ_STRIDE,
            "count": _SEQ_STRIDE,
            "most": self._children.blobs.most,
            "spool": spool.directory if spool is not None else "",
            "owner": runner.token,
        }
        runner.send(pipe.encode_json(Kind.RANGE, fields, number=tag))
        runner.spool = spool

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._replacing.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._replacing.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            # Without a runner the agent is of no use: another start may do better.
            self._fatal(problem)

    def _received(self, runner: Runner, frame: Frame) -> None:
        bench, children, kind = self._bench, self._children, frame.kind
        if kind == Kind.STARTED:
            bench.begun(frame)
        elif kind in (Kind.VALUE, Kind.EXHAUSTED, Kind.FAILED):
            bench.ended(frame)
        elif kind == Kind.CHUNK:
            bench.chunk(frame)
        elif kind == Kind.SUBMIT:
            children.submit(runner, frame)
        elif kind == Kind.WATCH:
            children.watch(runner, frame)
        elif kind == Kind.LEND:
            bench.lend(frame)
        elif kind == Kind.RECLAIM:
            bench.reclaim(frame)
        elif kind == Kind.CHILD_CREDIT:
            children.credit(frame)
        elif kind == Kind.CHILD_CANCEL:
            children.cancel(frame.call)
        else:
            self._received_rare(runner, frame)

    def _received_rare(self, runner: Runner, frame: Frame) -> None:
        if frame.kind == Kind.LOG:
            self._log_text(frame)
        elif frame.kind == Kind.REQUEST:
            self._children.request(runner, frame)
        elif frame.kind == Kind.REVOKED:
            self._bench.revoked(frame)
        elif frame.kind == Kind.READY:
            self._welcome(runner)
        elif frame.kind == Kind.RETIRING:
            self._retire(runner)
        elif frame.kind == Kind.BROKEN:
            self._fail(failure.sound(pipe.read_json(frame)), runner)
        else:
            raise FrameError(f"a runner does not send frames of kind {frame.kind}")

    def _log_text(self, frame: Frame) -> None:
        """Keep what was printed, and what the runner says itself: that we say as well."""
        source = _SOURCES.get(frame.number, "stdout")
        call = frame.call if frame.call != pipe.NO_CALL else b""
        text = frame.body.decode("utf-8", "replace")
        self._printer.print(call, source, text)
        if source == "system":
            # Not the rest: a traceback may show what is the user's.
            _log.warning(text.partition("\n")[0].rstrip(":"), call=callid.text(frame.call))

    def _welcome(self, runner: Runner) -> None:
        """Feed a runner that has imported the function, unless another one could not."""
        if self._bench.broken is not None:
            runner.drain()
            return
        runner.ready = True
        self._stillbirths = 0
        self._backoff.reset()
        self._tell(runner)
        self._bench.begin_again(runner)

    def _retire(self, runner: Runner) -> None:
        """Let a runner that takes no more calls finish those that it has; fork another."""
        if runner.retired:
            return
        runner.retired = True
        self._bench.part_with(runner)
        if len(retired := self._retired()) > _MOST_RETIRED:
            retired[0].destroy(_OVERDUE)
        _log.warning("a runner retires: it has code that cannot be stopped", runner=runner.pid)
        self._spawn(self._fill())
        self._spawn(self._see_off(runner))

    async def _see_off(self, runner: Runner) -> None:
        """See that a retired runner ends when its calls have."""
        if self._bench.is_serving(runner):
            await runner.served.wait()
        if not await exits(runner, _LEAVE_S):
            self._zygote.kill(runner.token, signal.SIGKILL)

    def _fail(self, envelope: Mapping[str, Any], runner: Runner) -> None:
        """Take note that the function cannot run here: its calls are answered with that.

        Where other runners could import it, this one is only replaced.
        """
        reason = _fault(envelope)
        if any(each.ready for each in self._known.values()):
            _log.warning("a runner cannot run the function", reason=reason, runner=runner.pid)
            return
        self._bench.fail(envelope)
        message = str(envelope["message"]).removeprefix(LOST)
        shown = str(envelope["traceback"] or envelope["detail"].get("log", ""))
        _log.error("the function cannot run here", reason=reason, runner=runner.pid)
        self._standing("failed", f"{reason}: {message}", shown, runner.pid)

    def _printed(self, source: str, text: str) -> None:
        self._printer.print(b"", source, text)

    def _broke(self, runner: Runner, reason: str) -> None:
        self._bench.part_with(runner)
        self._spawn(self._replace(runner, reason))

    def _exited(self, token: str, code: int | None, number: int | None) -> None:
        runner = self._known.get(token)
        if runner is not None:
            runner.code, runner.signal = code, number
            runner.exited.set()

    async def _replace(self, runner: Runner, reason: str) -> None:
        """Say how a runner died, and fork the next."""
        # How it died is its own only if it did so before it was killed here.
        if not runner.doom and not await exits(runner, _EXIT_S):
            runner.doom = CUT_OFF
        self._zygote.kill(runner.token, signal.SIGKILL)
        if not await exits(runner, _EXIT_S):
            _log.warning("a runner did not end", runner=runner.pid)
        self._known.pop(runner.token, None)
        ran_out = self._allowance.ran_out()
        envelope = obituary(runner, reason, ran_out, self._printer.last)
        was_ready, runner.ready = runner.ready, False
        self._bench.bury(runner, envelope)
        self._children.bury(runner)
        if self._stopping or self._bench.broken is not None:
            return
        if not runner.retired:
            _log.warning("a runner died", runner=runner.pid, reason=envelope["message"])
        if not was_ready:
            self._stillbirths += 1
            if self._stillbirths >= _MOST_STILLBIRTHS:
                self._fail(envelope, runner)
            await asyncio.sleep(self._backoff.next())
        await self._fill()

    def _zygote_lost(self) -> None:
        for runner in self._known.values():
            # It goes with its parent, and nobody is left to say so.
            runner.doom = runner.doom or _ORPHANED
            runner.exited.set()
        if not self._stopping:
            self._stopping = True
            self._fatal(RuntimeError("the zygote is gone, and the runner with it"))

    def drain(self) -> None:
        """Let the runners finish what they have, and exit."""
        self._stopping = True
        for runner in self._known.values():
            runner.drain()

    async def stop(self) -> None:
        """End the runners now."""
        self._stopping = True
        for task in list(self._replacing):
            task.cancel()
        for runner in self._known.values():
            runner.close()
        await self._zygote.close()


def _fault(envelope: Mapping[str, Any]) -> str:
    """Return the clause on why the function cannot run: what is missing, or what its import did."""
    if envelope["error"] == "WorkerLostError":
        return "its process dies whenever it imports the function"
    if envelope["error"] == "UnschedulableError":
        return CANNOT_BEGIN
    return f"its import failed: {envelope['exception_type'] or envelope['error']}"
