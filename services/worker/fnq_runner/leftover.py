"""Code that cannot be stopped: its call ends without it, and then its process."""

from __future__ import annotations

from fnq_runner.docket import Docket
from fnq_runner.host import Runs
from fnq_runner.invocation import Invocation
from fnq_runner.pipe import Pipe
from fnq_wire.pipe import Kind, encode

__all__ = ["leave_behind"]


def leave_behind(pipe: Pipe, docket: Docket, runs: Runs, invocation: Invocation) -> None:
    """End a call whose code goes on; what runs besides may finish, and nothing more begins."""
    invocation.abandoned = True
    # First: nothing more comes, not even to the slot that this one leaves.
    pipe.post(encode(Kind.RETIRING))
    if docket.close(invocation):
        pipe.send(runs.cancelled(invocation))
    docket.forget(invocation)
    for waiting in docket.drain():
        pipe.send(runs.revoked(waiting))
