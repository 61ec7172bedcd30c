"""What a server says of a deploy that it carries out, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

import grpc

from chalkcompute import errors
from chalkcompute.errors import DeployError, FnqError, NotReadyError
from chalkcompute.inherited import missed
from fnq.v1 import control_pb2

if TYPE_CHECKING:
    from chalkcompute.progress import Progress

__all__ = ["DeployHearing", "error_of"]


class _Patience(Protocol):
    #: Whether the server has said something since the last try.
    heard: bool


class DeployHearing:
    """Hears the events of one deploy of these functions, over all tries.

    `timeout` seconds from now on nobody waits any longer; None: as long as it takes.
    """

    def __init__(self, functions: Sequence[str], timeout: float | None) -> None:
        self._functions = functions
        self._timeout = timeout
        self._limit = None if timeout is None else time.monotonic() + timeout
        self._last = control_pb2.Progress()

    @property
    def left_s(self) -> float | None:
        """The seconds that are left; None: any number."""
        return None if self._limit is None else max(0.0, self._limit - time.monotonic())

    def hear(
        self, events: Iterable[control_pb2.DeployEvent], patience: _Patience, told: Progress
    ) -> control_pb2.DeployReply | None:
        """Return the reply; None where the server broke off.

        Raises the error of a deploy that failed, and NotReadyError when the time is over.
        """
        try:
            for event in events:
                patience.heard = True
                if event.HasField("progress"):
                    self._last = now = event.progress
                    told.hear(now.function, now.step, now.output)
                if event.HasField("reply"):
                    return event.reply
                if event.HasField("failure"):
                    raise error_of(event.failure)
        except grpc.RpcError as problem:
            if problem.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
            raise self._late() from None
        return None

    def _late(self) -> NotReadyError:
        last = self._last
        name = last.function or ", ".join(self._functions)
        cause = last.step or "the server does not answer"
        return NotReadyError(
            f"{name} was not ready within {self._timeout:.3g} s: {cause}", function=name
        )


def error_of(failure: control_pb2.DeployFailure) -> FnqError:
    """Return the error of a deploy that failed, of the class that the server names."""
    known = failure.error in errors.__all__
    kind = getattr(errors, failure.error) if known else DeployError
    text = f"{failure.function} was not deployed: " if failure.function else ""
    error: FnqError = kind(f"{text}{failure.message}", function=failure.function)
    if failure.traceback:
        error.add_note(failure.traceback)
    if remedy := missed(failure.message, os.environ):
        error.add_note(remedy)
    return error
