"""What runners return and yield, taken from them: a runner is not trusted."""

from __future__ import annotations

import contextlib

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_wire import failure
from fnq_wire.limits import KEEP_S
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Frame, read_payload
from fnq_worker.run import Run

__all__ = ["Intake", "Value", "drop", "fill"]

#: A value as it is published: its bytes, or where they lie.
Value = bytes | result_pb2.Reference


class Intake:
    """Takes values over: one in the spool is the agent's to keep until it is published."""

    def __init__(self) -> None:
        self.blobs: Blobs
        #: Spooled values that are not published yet, by name.
        self._unpublished: dict[str, Run] = {}

    def take(self, run: Run, frame: Frame, what: str) -> Value | None:
        """Return the value that a run "returned" or "yielded".

        None where the run is to end with a failure: that it cannot be taken, or another.
        """
        payload = read_payload(frame)
        most = self.blobs.most
        if run.takes_no_chunk:
            self.drop(frame)
        elif len(payload) > most:
            run.log().warning("a value is too large", size=len(payload), most=most)
            text = f"the value {what} has {len(payload)} bytes, the most is {most}"
            run.foregone = frame.number, failure.make("PayloadTooLargeError", text)
            self.drop(frame)
        elif isinstance(payload, bytes):
            return payload
        else:
            try:
                return self._adopt(run, payload)
            except (OSError, ValueError) as problem:
                run.log().warning("a value is gone", problem=str(problem))
                text = f"the value {what} is gone: {problem}"
                run.foregone = frame.number, failure.make("ResultExpiredError", text)
        return None

    def _adopt(self, run: Run, payload: Spooled) -> result_pb2.Reference:
        if run.home is None or run.home.spool is None:
            raise ValueError("no spool is shared with the runner")
        name = run.home.spool.adopt(payload.name, payload.size, _keep_s(run))
        self._unpublished[name] = run
        return _reference_to(Spooled(name, payload.size))

    def drop(self, frame: Frame) -> None:
        """Delete a value that nobody waits for."""
        drop(self.blobs, read_payload(frame))

    def published(self, result: result_pb2.Result) -> None:
        """Note that values need not be kept any longer than they are."""
        if self._unpublished:
            for payload in (*result.chunks, result.end.value):
                self._unpublished.pop(payload.reference.key, None)

    def keep(self) -> None:
        """Keep what cannot be published yet: Redis may be away for long."""
        for name, run in self._unpublished.items():
            if run.home is not None and run.home.spool is not None:
                with contextlib.suppress(OSError):
                    run.home.spool.keep(name, _keep_s(run))


def _keep_s(run: Run) -> float:
    """Return the seconds that a value of a run is kept; the end of a detached call for long."""
    return KEEP_S + (run.call.keep_s if run.call.detached else 0)


def drop(blobs: Blobs, payload: bytes | Spooled) -> None:
    """Delete a payload of a runner's that nobody will read."""
    if isinstance(payload, Spooled) and blobs.spool is not None:
        with contextlib.suppress(OSError, ValueError):
            blobs.spool.delete(payload.name)


def _reference_to(payload: Spooled) -> result_pb2.Reference:
    """Return what refers to a spooled payload on its further way."""
    return result_pb2.Reference(
        house=result_pb2.Reference.SPOOL, key=payload.name, size=payload.size
    )


def fill(payload: result_pb2.Payload, value: Value | Spooled) -> None:
    """Put a value into what travels."""
    if isinstance(value, bytes):
        payload.inline = value
    else:
        payload.reference.CopyFrom(_reference_to(value) if isinstance(value, Spooled) else value)
