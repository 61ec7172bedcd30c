"""How far runs have come: told in time, and before they are lost or given back."""

from __future__ import annotations

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_worker import progress
from fnq_worker.run import Run

CALL = b"c" * 16


class Ear:
    """A link to a consumer that keeps what is reported."""

    def __init__(self) -> None:
        self.reports: list[worker_pb2.Report] = []

    def report(self, report: worker_pb2.Report) -> None:
        self.reports.append(report)

    def restate(self) -> None:
        raise AssertionError("no slots are concerned")

    def rows(self) -> list[int]:
        """Return the rows that were told."""
        return [each.rows for each in self.reports if each.HasField("rows")]


def run(*, packed: bool = True, row: int = 0) -> Run:
    """Return a run that began at 100 s."""
    entry = record_pb2.Entry(call=CALL, packed=packed)
    return Run("s", "1-0", 1, 0, entry, rows=row, told=row, started_at=100.0)


def block(position: int, rows: int) -> result_pb2.Result:
    """Return a result with one block."""
    made = result_pb2.Result(position=position, lengths=[rows])
    made.chunks.add()
    return made


def test_the_rows_of_a_long_run_are_told_once_a_second() -> None:
    """A short one costs no report of its rows."""
    ear, packed = Ear(), run()
    for row, now in enumerate([100.1, 100.9, 101.0, 101.5, 101.9, 102.0]):
        progress.tell_published(ear, packed, block(10 * row, 10), now)
    assert ear.rows() == [30, 60]
    assert [each.streaming for each in ear.reports].count(True) == 1


def test_what_was_not_told_yet_is_told_before_a_run_is_lost_or_leaves() -> None:
    """Only what is published, and nothing twice."""
    ear, packed = Ear(), run(row=5)
    progress.tell_before_leaving(ear, packed)
    assert ear.reports == []
    progress.tell_published(ear, packed, block(5, 10), 100.1)
    progress.tell_before_loss(ear, packed)
    progress.tell_before_leaving(ear, packed)
    assert ear.rows() == [15]


def test_a_stream_has_no_rows() -> None:
    """It is only known to have emitted."""
    ear, stream = Ear(), run(packed=False)
    stream.emitted = True
    progress.tell_before_loss(ear, stream)
    progress.tell_published(ear, stream, result_pb2.Result(position=3), 200.0)
    assert [each.WhichOneof("what") for each in ear.reports] == ["streaming"]
