"""Takes back from a runner what it was sent and has not begun."""

from __future__ import annotations

from collections.abc import Iterable

from fnq_wire import pipe
from fnq_wire.pipe import Kind
from fnq_worker.run import Run
from fnq_worker.runner import Runner

__all__ = ["revoke"]


def revoke(runner: Runner, runs: Iterable[Run]) -> list[Run]:
    """Return those of `runs` that the runner had not begun, and will not begin now.

    A runner says STARTED before it looks for the last time whether a dispatch was
    revoked. So what has not said so once the revocation is in its pipe, and all
    that it wrote before is read, will not be begun.
    """
    waiting = [run for run in runs if run.runner is runner and not run.lender and _is_unbegun(run)]
    if not waiting:
        return []
    for run in waiting:
        runner.send(pipe.encode(Kind.REVOKE, run.address, run.epoch))
    return [run for run in waiting if _is_unbegun(run)] if runner.catch_up() else []


def _is_unbegun(run: Run) -> bool:
    return not run.started_at and not run.ended
