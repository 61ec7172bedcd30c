"""A server that answers only what commands ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from fnq.v1 import control_pb2, control_pb2_grpc

__all__ = ["ControlServer", "serving"]


class ControlServer(control_pb2_grpc.ControlServicer):
    """Knows one function, one worker and two lines; wants the token if it has one."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.slow_s = 0.0
        self.asked: list[Any] = []
        self.lines = [("stdout", "to stdout"), ("stderr", "to stderr")]
        #: Times that a follower is hung up on, and the lines that come meanwhile.
        self.hangs_up = 0
        self.later: list[tuple[str, str]] = []
        self.rudely = False

    def Status(  # noqa: N802 - the name in the contract of the wire
        self, request: Any, context: Any
    ) -> Any:
        """Answer after `slow_s` seconds."""
        self._enter(request, context)
        time.sleep(self.slow_s)
        reply = control_pb2.StatusReply(redis_version="7.2.4", redis_bytes=4096)
        reply.processes.add(role="server", pid=70, address="unix:/x", state="ready")
        for role, pid in (("worker", 71), ("runner", 72)):
            reply.processes.add(
                role=role, pid=pid, function="add", version="abc", replica=1, busy=3, state="ready"
            )
        function = reply.functions.add(queued=5, running=2, inactive=["gpu"])
        function.limit = "api: 2 at once; 2 run, 5 wait"
        function.scaling.max_replicas = 8
        workers = function.scaling.replicas
        workers.wanted, workers.ready, workers.starting, workers.cordoned = 3, 1, 2, 1
        function.version.id, function.version.number = "abc", 4
        function.version.spec.name, function.version.spec.kind = "add", "function"
        return reply

    def Logs(  # noqa: N802 - the name in the contract of the wire
        self, request: Any, context: Any
    ) -> Iterator[Any]:
        """Yield the lines; with `follow`, wait until the reader has gone, or hang up on it."""
        self._enter(request, context)
        for number, (source, text) in enumerate(self.lines):
            yield control_pb2.LogLine(
                # Two lines to a millisecond, as happens.
                at_ms=1_700_000_000_123 + number // 2,
                function="add",
                call=bytes(range(16)),
                source=source,
                text=text,
            )
        if request.follow and self.hangs_up:
            self.hangs_up -= 1
            self.lines += self.later
            if self.rudely:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the server ends")
        elif request.follow:
            gone = threading.Event()
            context.add_callback(gone.set)
            gone.wait(30)

    def _enter(self, request: Any, context: Any) -> None:
        self.asked.append(request)
        given = dict(context.invocation_metadata()).get("authorization", "")
        if self.token and given != f"Bearer {self.token}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong or missing token: set FNQ_TOKEN")


@contextmanager
def serving(servicer: ControlServer) -> Iterator[str]:
    """Serve at a port of this machine; yield its address."""
    server = grpc.server(ThreadPoolExecutor(4))
    control_pb2_grpc.add_ControlServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
