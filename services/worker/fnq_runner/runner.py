"""One runner: the process that has the user's function, at the end of a pipe.

The agent's first frame is HELLO, with this JSON:

    root, module, qualname     where the bundle was unpacked, and the function in it
    name, version, namespace   of the function
    kind                       "function", "coroutine", "generator", "async_generator"
    concurrency                invocations at once
    batches                    of one that takes batches, in BATCH frames: {"size": most items,
                               "bisect": whether a batch for which it raises is halved}
    env                        variables to set before the import
    set                        id of the set that the function was deployed in last
    mates                      {name: {"version", "kind", "number", "repeatable", "divergent",
                               "batch", "single"}} of the functions in it

The runner imports the function and answers READY, or BROKEN and leaves.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from chalkcompute import runtime
from fnq_runner import inherit, loader
from fnq_runner.bridge import PipeSession
from fnq_runner.depot import Depot
from fnq_runner.docket import Docket
from fnq_runner.host import Host
from fnq_runner.hub import Hub
from fnq_runner.invocation import Invocation
from fnq_runner.invoke import Invoker
from fnq_runner.loop import Loop
from fnq_runner.output import Output
from fnq_runner.pipe import Pipe, crash
from fnq_runner.retriable import retry_on
from fnq_wire import failure
from fnq_wire.kinds import yields
from fnq_wire.pipe import Frame, FrameError, Kind, encode, encode_json, read_json

__all__ = ["BROKEN", "DRAINED", "serve"]

#: Exit codes: it was told to drain, or could not stop a thread; the import failed.
DRAINED, BROKEN = 0, 3
_SIZE = struct.Struct("<Q")


def serve(sock: socket.socket) -> NoReturn:
    """Be a runner for the agent at the other end of `sock`, and leave."""
    try:
        code = _Runner(sock).serve()
        atexit._run_exitfuncs()  # noqa: SLF001 - what os._exit leaves out
    except BaseException as problem:
        crash(problem)
    os._exit(code)


class _Runner:
    """Route the agent's frames to whom they concern."""

    def __init__(self, sock: socket.socket) -> None:
        self._hello: Mapping[str, Any] | None = None
        self._early: list[Frame] = []
        self._pipe = Pipe(sock, self._route)
        self._depot = Depot()
        self._docket: Docket
        self._host: Host
        self._invoker: Invoker
        self._session: PipeSession
        self._output = Output(self._pipe)
        self._routes: dict[int, Callable[[Frame], None]] = {}

    def serve(self) -> int:
        """Run until the agent says drain; return the exit code."""
        self._pipe.wait(threading.Event(), lambda: self._hello is not None)
        assert self._hello is not None
        self._prepare(self._hello)
        if not self._load(self._hello):
            return BROKEN
        self._host.run()
        return DRAINED

    def _prepare(self, hello: Mapping[str, Any]) -> None:
        """Set up everything that user code finds when it is imported."""
        faulthandler.enable(2)
        os.environ.update(hello["env"])
        # As in a process that was started with them: the C library reads TZ when it is asked.
        time.tzset()
        self._docket = Docket(hello["concurrency"])
        self._invoker = Invoker(
            self._pipe, self._docket, self._output, self._depot, hello["name"], hello["version"]
        )
        if hello["kind"] in ("coroutine", "async_generator"):
            self._host = Loop(self._pipe, self._docket, self._invoker)
        else:
            threaded = hello["concurrency"] > 1
            self._host = Hub(self._pipe, self._docket, self._invoker, threaded)
        self._invoker.attach(self._host)
        self._session = PipeSession(self._pipe, self._docket, self._host, self._depot)
        self._session.learn(hello["set"], hello["mates"])
        self._routes = self._table()
        early, self._early = self._early, []
        for frame in early:
            self._route(frame)
        runtime.install(self._session)
        inherit.install()
        self._output.install(self._host)
        os.register_at_fork(after_in_child=self._fork)

    def _load(self, hello: Mapping[str, Any]) -> bool:
        """Import the function and say so; return whether it could be."""
        from fnq_wire.arrow import Codec
        from fnq_wire.items import Items

        try:
            where = hello["module"], hello["qualname"]
            found = loader.find(hello["root"], *where)
            function = loader.body_of(found, *where)
            streams = yields(hello["kind"])
            batches = hello.get("batches")
            codec = Codec.of(function) if batches is None else Items.of(function).codec
            concurrency = hello["concurrency"]
            self._invoker.load(function, codec, streams, concurrency, retry_on(found))
            if batches is not None:
                self._invoker.batch(batches["size"], bisect=batches["bisect"])
        except BaseException as problem:
            self._pipe.send(encode_json(Kind.BROKEN, _why_broken(problem)))
            return False
        self._pipe.send(encode(Kind.READY))
        return True

    def _route(self, frame: Frame) -> None:
        if self._routes:
            route = self._routes.get(frame.kind)
            if route is None:
                raise FrameError(f"a frame of kind {frame.kind} is not for a runner")
            route(frame)
        elif frame.kind == Kind.HELLO:
            self._hello = read_json(frame)
        else:
            self._early.append(frame)

    def _table(self) -> dict[int, Callable[[Frame], None]]:
        return {
            Kind.DISPATCH: self._dispatch,
            Kind.BATCH: self._dispatch,
            Kind.CREDIT: self._credit,
            Kind.CANCEL: self._cancel,
            Kind.ABANDON: self._abandon,
            Kind.REVOKE: self._revoke,
            Kind.DRAIN: self._drain,
            Kind.RANGE: self._grant,
            Kind.ANSWER: self._session.answer,
            Kind.CHILD_CHUNK: self._session.child,
            Kind.CHILD_VALUE: self._session.child,
            Kind.CHILD_EXHAUSTED: self._session.child,
            Kind.CHILD_FAILED: self._session.child,
        }

    def _dispatch(self, frame: Frame) -> None:
        invocation = Invocation(frame)
        # A nested call that something here waits for is still begun.
        if self._docket.draining and not (invocation.depth and self._docket.fits(invocation.depth)):
            self._pipe.send(self._invoker.revoked(invocation))
            return
        twin = self._docket.find(frame.call)
        if twin is not None:
            self._host.cancel(twin, "the call was dispatched again")
        self._docket.arrive(invocation)
        self._host.admit()

    def _grant(self, frame: Frame) -> None:
        granted = read_json(frame)
        self._depot.open(granted["spool"], granted["owner"], int(granted["most"]))
        self._session.grant(frame.number, granted)

    def _credit(self, frame: Frame) -> None:
        self._docket.credit(frame.call, frame.number, _SIZE.unpack(frame.body)[0])

    def _cancel(self, frame: Frame) -> None:
        reason = frame.body.decode(errors="replace")
        queued = self._docket.withdraw(frame.call, frame.epoch)
        if queued is not None:
            queued.reason = reason
            self._pipe.send(self._invoker.cancelled(queued))
            return
        running = self._docket.find(frame.call)
        if running is not None and running.epoch == frame.epoch and not running.ended:
            self._host.cancel(running, reason)

    def _abandon(self, frame: Frame) -> None:
        running = self._docket.find(frame.call)
        if running is not None and running.epoch == frame.epoch and not running.ended:
            self._host.abandon(running)

    def _revoke(self, frame: Frame) -> None:
        queued = self._docket.withdraw(frame.call, frame.epoch)
        if queued is not None:
            self._pipe.send(self._invoker.revoked(queued))
            return
        taken = self._docket.find(frame.call)
        if taken is not None and taken.epoch == frame.epoch and not taken.began:
            taken.withdrawn = True

    def _drain(self, frame: Frame) -> None:
        for queued in self._docket.drain():
            self._pipe.post(self._invoker.revoked(queued))
        self._pipe.flush()
        self._host.drained()

    def _fork(self) -> None:
        """In a process that user code forked: leave the pipe to its owner."""
        self._output.fork()
        self._session.fork()
        self._pipe.fork()


def _why_broken(problem: BaseException) -> failure.Envelope:
    """Return the failure of an import; `detail` names the module that is missing."""
    trace = problem.__traceback__
    while trace is not None and _is_machinery(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    if trace is not None or isinstance(problem, SyntaxError):
        problem = problem.with_traceback(trace)
    envelope = failure.describe(problem)
    if isinstance(problem, ModuleNotFoundError) and problem.name:
        envelope["detail"]["missing"] = problem.name
    return envelope


def _is_machinery(file: str) -> bool:
    """Return whether code of that file only imports for others."""
    homes = (os.path.dirname(__file__), os.path.dirname(importlib.__file__))
    return file.startswith("<frozen importlib") or os.path.dirname(file) in homes
