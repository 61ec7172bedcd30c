"""Large values that a runner returns and yields, as its agent takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import record_pb2, result_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import connect
from fnq_wire.limits import KEEP_S
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Decoder, Frame, Kind, encode
from fnq_wire.spool import Spool
from fnq_worker.intake import Intake, fill
from fnq_worker.run import Run
from tests.unit.fnq_worker.bench import ToyRunner

LARGE = b"large"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """What agent and runner share."""
    return Spool(str(tmp_path))


@pytest.fixture
def intake(spool: Spool) -> Intake:
    """An intake that shares it."""
    made = Intake()
    made.blobs = Blobs(connect("unix:///nowhere"), spool)
    return made


def run_of(spool: Spool | None, **facts: Any) -> Run:
    """Return a run in a runner with that spool."""
    runner: Any = ToyRunner()
    runner.spool = spool
    call = record_pb2.Entry(call=b"c" * 16, **facts)
    return Run("stream", "1-0", 1, 0, call, runner=runner)


def frame(body: bytes | Spooled) -> Frame:
    """Return the frame of a value."""
    [made] = Decoder().feed(encode(Kind.VALUE, b"c" * 16, 1, 0, body))
    return made


def names(spool: Spool) -> list[str]:
    """Return the values in the spool."""
    files = [path.name for path in Path(spool.directory).iterdir()]
    return [name for name in files if name[:2] in ("v-", "k-")]


async def test_a_value_in_the_spool_is_kept_whatever_becomes_of_its_runner(
    intake: Intake, spool: Spool
) -> None:
    """For some minutes; the end of a detached call for its time on top."""
    for facts, most_s in (({}, 0), ({"detached": True, "keep_s": 1000}, 1000)):
        name = spool.write(LARGE)
        value = intake.take(run_of(spool, **facts), frame(Spooled(name, len(LARGE))), "returned")
        assert isinstance(value, result_pb2.Reference)
        assert (value.house, value.size) == (result_pb2.Reference.SPOOL, len(LARGE))
        assert names(spool) == [value.key]
        facts_of = (Path(spool.directory) / value.key).stat()
        assert facts_of.st_mtime - facts_of.st_ctime == pytest.approx(KEEP_S + most_s, abs=5)
        spool.delete(value.key)


async def test_what_cannot_be_published_yet_is_kept_on(intake: Intake, spool: Spool) -> None:
    """Redis may be away for longer than a value waits for its caller."""
    value = intake.take(run_of(spool), frame(Spooled(spool.write(LARGE), len(LARGE))), "returned")
    assert isinstance(value, result_pb2.Reference)
    spool.keep(value.key, -1.0)
    intake.keep()
    spool.sweep()
    assert names(spool) == [value.key]
    result = result_pb2.Result()
    fill(result.end.value, value)
    intake.published(result)
    spool.keep(value.key, -1.0)
    intake.keep()
    spool.sweep()
    assert names(spool) == []


@pytest.mark.parametrize("lie", ["../x", "another size", "gone", "no spool"])
async def test_a_value_that_is_not_there_is_refused(intake: Intake, spool: Spool, lie: str) -> None:
    """Its call ends with a word on it; nothing outside of the spool is touched."""
    name, size = spool.write(LARGE), len(LARGE)
    if lie == "gone":
        spool.delete(name)
    wrong = {"../x": Spooled("../x", size), "another size": Spooled(name, size + 1)}
    run = run_of(None if lie == "no spool" else spool)
    assert intake.take(run, frame(wrong.get(lie, Spooled(name, size))), "returned") is None
    assert run.foregone is not None
    assert run.foregone[1]["error"] == "ResultExpiredError"


async def test_a_value_that_is_too_large_is_refused(
    intake: Intake, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it lies."""
    monkeypatch.setattr(Blobs, "most", 4)
    for body in (LARGE, Spooled(spool.write(LARGE), len(LARGE))):
        run = run_of(spool)
        assert intake.take(run, frame(body), "yielded") is None
        assert run.foregone is not None
        assert run.foregone[1]["error"] == "PayloadTooLargeError"
        assert run.foregone[1]["message"] == "the value yielded has 5 bytes, the most is 4"
    assert names(spool) == []


async def test_a_value_that_nobody_waits_for_is_deleted(intake: Intake, spool: Spool) -> None:
    """Of a run that was given up."""
    intake.drop(frame(Spooled(spool.write(LARGE), len(LARGE))))
    intake.drop(frame(b"small"))
    assert names(spool) == []
