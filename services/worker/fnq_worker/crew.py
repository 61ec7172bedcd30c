"""Keeps a runner alive: forks it, greets it, routes its frames, replaces it."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from fnq_core.backoff import Backoff
from fnq_wire import callid, failure, pipe
from fnq_wire.pipe import Frame, FrameError, Kind
from fnq_worker.children import Children
from fnq_worker.printer import Printer
from fnq_worker.runner import Runner
from fnq_worker.workbench import Workbench
from fnq_worker.zygote import Zygote

__all__ = ["Crew"]

#: Deaths during import after which the function counts as broken here.
_MOST_STILLBIRTHS = 3
#: Seconds within which the zygote says how a runner ended whose pipe closed.
_EXIT_S = 1.0
#: Of one that lives on without a pipe.
_CUT_OFF = (
    "its connection to the worker was closed, and it was ended: close no file descriptors "
    "that the function did not open"
)
#: Of one whose parent, the zygote, has died.
_ORPHANED = "the process that it was forked from was lost"
#: Sequence numbers that one runner may use for nested calls before it wraps.
_SEQ_STRIDE = 1 << 16
#: What the number of a LOG frame stands for.
_SOURCES = {1: "stdout", 2: "stderr", 3: "system"}
_log = structlog.get_logger()


class Crew:
    """The runner of this agent, and its successors.

    `standing` is told of each change: state, reason, traceback, process id.
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
    ) -> None:
        self._hello = hello
        self._path = zygote
        self._bench = bench
        self._children = children
        self._printer = printer
        self._standing = standing
        self._fatal = fatal
        self._zygote = Zygote(self._exited, self._zygote_lost)
        self._runner: Runner | None = None
        self._known: dict[str, Runner] = {}
        self._forks = 0
        self._stillbirths = 0
        self._backoff = Backoff(first_s=0.01, most_s=5.0)
        self._replacing: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> None:
        """Fork the first runner. Raises OSError when there is no zygote."""
        await self._zygote.open(self._path)
        await self._fork()

    async def _fork(self) -> None:
        token = uuid.uuid4().hex
        runner = Runner(token, self._received, self._printed, self._broke)
        self._known[token] = runner
        files = runner.open()
        try:
            runner.pid = await self._zygote.fork(token, files, {}, str(self._hello["root"]))
        finally:
            for file in files:
                os.close(file)
        self._runner = runner
        self._forks += 1
        runner.send(pipe.encode_json(Kind.HELLO, dict(self._hello)))
        self._standing("starting", "", "", runner.pid)
        self._spawn(self._grant(runner, self._forks))

    async def _grant(self, runner: Runner, number: int) -> None:
        """Give the runner its range of call ids, once a server has granted one.

        By then it is known how large a value may be.
        """
        await self._children.nest.granted()
        tag, offset_ms = self._children.nest.session.grant
        fields = {
            "offset_ms": offset_ms,
            "seq": number * _SEQ_STRIDE % (1 << 24),
            "most": self._children.blobs.most,
        }
        runner.send(pipe.encode_json(Kind.RANGE, fields, number=tag))

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
            runner.ready = True
            self._stillbirths = 0
            self._backoff.reset()
            self._standing("ready", "", "", runner.pid)
            self._bench.begin_again(runner)
        elif frame.kind == Kind.BROKEN:
            self._fail(failure.sound(pipe.read_json(frame)), runner.pid)
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

    def _fail(self, envelope: Mapping[str, Any], pid: int) -> None:
        """Take note that the function cannot run here: its calls are answered with that."""
        self._bench.fail(envelope)
        reason = f"its import failed: {envelope['exception_type'] or envelope['error']}"
        message, traceback = str(envelope["message"]), str(envelope["traceback"])
        _log.error("the function cannot run here", reason=reason, runner=pid)
        self._standing("failed", f"{reason}: {message}", traceback, pid)

    def _printed(self, source: str, text: str) -> None:
        self._printer.print(b"", source, text)

    def _broke(self, runner: Runner, reason: str) -> None:
        self._spawn(self._replace(runner, reason))

    def _exited(self, token: str, code: int | None, number: int | None) -> None:
        runner = self._known.get(token)
        if runner is not None:
            runner.code, runner.signal = code, number
            runner.exited.set()

    async def _replace(self, runner: Runner, reason: str) -> None:
        """Say how a runner died, and fork the next."""
        # How it died is its own only if it did so before it was killed here.
        if not runner.doom and not await _exits(runner, _EXIT_S):
            runner.doom = _CUT_OFF
        self._zygote.kill(runner.token, signal.SIGKILL)
        if not await _exits(runner, _EXIT_S):
            _log.warning("a runner did not end", runner=runner.pid)
        self._known.pop(runner.token, None)
        envelope = _obituary(runner, reason)
        was_ready, runner.ready = runner.ready, False
        if self._bench.runner is runner:
            self._bench.runner = None
        self._bench.bury(runner, envelope)
        self._children.bury(runner)
        if self._stopping or self._bench.broken is not None:
            return
        _log.warning("a runner died", runner=runner.pid, reason=envelope["message"])
        if not was_ready:
            self._stillbirths += 1
            if self._stillbirths >= _MOST_STILLBIRTHS:
                self._fail(envelope, runner.pid)
                return
            await asyncio.sleep(self._backoff.next())
        await self._fork()

    def _zygote_lost(self) -> None:
        for runner in self._known.values():
            # It goes with its parent, and nobody is left to say so.
            runner.doom = runner.doom or _ORPHANED
            runner.exited.set()
        if not self._stopping:
            self._fatal(RuntimeError("the zygote is gone, and the runner with it"))

    def drain(self) -> None:
        """Let the runner finish what it has, and exit."""
        self._stopping = True
        if self._runner is not None:
            self._runner.drain()

    async def stop(self) -> None:
        """End the runner now."""
        self._stopping = True
        for task in list(self._replacing):
            task.cancel()
        if self._runner is not None:
            self._runner.close()
        await self._zygote.close()


async def _exits(runner: Runner, seconds: float) -> bool:
    """Wait for the end of a process; return whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await runner.exited.wait()
    except TimeoutError:
        return False
    return True


def _obituary(runner: Runner, reason: str) -> Mapping[str, Any]:
    """Return the failure that says how a runner died."""
    detail: dict[str, str] = {"reason": reason}
    text = reason
    if runner.doom:
        text = runner.doom
        detail["reason"] = "killed"
    elif runner.code == pipe.CUT_OFF:
        text = _CUT_OFF
        detail["reason"] = "cut off"
    elif runner.signal is not None:
        try:
            name = signal.Signals(runner.signal).name
        except ValueError:
            name = str(runner.signal)
        text = f"it was killed by {name}"
        if runner.signal == signal.SIGKILL:
            text += ", as happens when memory runs out"
        detail |= {"signal": name, "reason": "signal"}
    elif runner.code is not None:
        text = f"it exited with code {runner.code}"
        detail |= {"exit_code": str(runner.code), "reason": "exit"}
    text = f"the process that ran the call was lost: {text}"
    return failure.make("WorkerLostError", text, detail)
