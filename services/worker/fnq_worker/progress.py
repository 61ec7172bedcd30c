"""How far runs have come: what their consumer must know should they be lost."""

from __future__ import annotations

from fnq.v1 import result_pb2, worker_pb2
from fnq_wire import positions
from fnq_worker.port import Hearer
from fnq_worker.run import Run

__all__ = ["tell_before_leaving", "tell_before_loss", "tell_published"]

#: Seconds that a packed run takes before its rows are told, and between two tellings.
_ROWS_S = 1.0


def tell_published(hearer: Hearer, run: Run, result: result_pb2.Result, now: float) -> None:
    """Tell that chunks are safe in the inbox; `now` is the time of the loop."""
    _tell_streaming(hearer, run)
    if run.call.packed:
        run.rows = max(run.rows, positions.after(result))
        if now - max(run.started_at, run.told_at) >= _ROWS_S:
            run.told_at = now
            tell_before_leaving(hearer, run)


def tell_before_loss(hearer: Hearer, run: Run) -> None:
    """Tell, of a run that was lost, also of what is on its way to the inbox."""
    if run.emitted:
        _tell_streaming(hearer, run)
    tell_before_leaving(hearer, run)


def tell_before_leaving(hearer: Hearer, run: Run) -> None:
    """Tell from which row on another run is to go on."""
    if run.rows > run.told:
        run.told = run.rows
        hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, rows=run.rows))


def _tell_streaming(hearer: Hearer, run: Run) -> None:
    """Tell, once, that a repetition is another matter from now on."""
    if not run.streaming:
        run.streaming = True
        hearer.report(worker_pb2.Report(call=run.call.call, epoch=run.epoch, streaming=True))
