"""What becomes of runs that failed: some are attempts, and others follow."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from fnq.v1 import spec_pb2, worker_pb2
from fnq_wire import failure, pipe
from fnq_wire.pipe import Frame
from fnq_worker.retry import wait_s
from fnq_worker.run import Run

__all__ = ["Retries"]


class Retries:
    """The function's `retries`: how often and when a failed attempt is repeated.

    The runner says whether an exception is one to repeat for, since only there the
    classes are; `draw` returns something random from 0 to 1.
    """

    def __init__(self, policy: spec_pb2.Retry, draw: Callable[[], float] = random.random) -> None:
        self._policy = policy
        self._draw = draw

    @property
    def timeouts(self) -> bool:
        """Whether an attempt that took longer than its timeout is repeated."""
        return self._policy.timeouts

    def hear(self, run: Run, frame: Frame) -> None:
        """Note how a run failed, unless that was decided before. Raises FrameError."""
        told = pipe.read_json(frame)
        if run.foregone is None:
            run.foregone = frame.number, failure.sound(told)
            run.repeats = told.get("retry") is True

    def postpone(self, run: Run, envelope: Mapping[str, Any]) -> worker_pb2.Report | None:
        """Return what to report of a failed attempt that is repeated; None: it ends the call."""
        if not run.repeats or run.cancelled or run.disowned:
            return None
        now = time.monotonic()
        left_s = run.deadline - now if run.deadline else None
        wait = wait_s(self._policy, run.attempt, self._draw(), left_s)
        if wait is None:
            return None
        run.failed = failure.to_proto(envelope)
        run.again_at = now + wait
        run.log().debug("an attempt failed", attempt=run.attempt, wait_s=round(wait, 3))
        return worker_pb2.Report(call=run.call.call, epoch=run.epoch, failed=run.failure_report())
