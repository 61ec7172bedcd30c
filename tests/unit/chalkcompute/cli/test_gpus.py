"""`fnq gpus` as people see it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from chalkcompute.cli import main
from chalkcompute.cli import server as server_module
from fnq.v1 import gpus_pb2, gpus_pb2_grpc

HELD = gpus_pb2.GpuState(
    node="10.0.0.7",
    model="NVIDIA L4",
    id="GPU-1",
    memory_bytes=23034 << 20,
    state="busy",
    holders=[
        gpus_pb2.GpuHolder(function="embed", version="v1", replica=2, busy=1),
        gpus_pb2.GpuHolder(other="namespace b"),
    ],
)
FAULTY = gpus_pb2.GpuState(model="NVIDIA L4", id="GPU-2", state="faulty", fault="its node is down")


class _Servicer(gpus_pb2_grpc.GpusServicer):
    """Says what a test says, once it may."""

    def __init__(self) -> None:
        self.gpus = [HELD, FAULTY]
        self.may_answer = threading.Event()
        self.may_answer.set()

    def List(  # noqa: N802 - the name in the contract of the wire
        self, request: Any, context: Any
    ) -> gpus_pb2.ListGpusReply:
        self.may_answer.wait()
        return gpus_pb2.ListGpusReply(gpus=self.gpus)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Servicer]:
    """A server that FNQ_ADDR names."""
    servicer, made = _Servicer(), grpc.server(ThreadPoolExecutor(1))
    gpus_pb2_grpc.add_GpusServicer_to_server(servicer, made)
    address = f"127.0.0.1:{made.add_insecure_port('127.0.0.1:0')}"
    made.start()
    monkeypatch.setenv("FNQ_ADDR", address)
    yield servicer
    servicer.may_answer.set()
    made.stop(None).wait()


def test_each_card_is_a_line_with_who_has_it(
    server: _Servicer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one that is faulty it says why."""
    assert main(["gpus"]) == 0
    _, held, faulty = capsys.readouterr().out.splitlines()
    assert held.split() == [
        *("10.0.0.7", "NVIDIA", "L4", "23034", "MiB", "busy"),
        *("embed", "2,", "namespace", "b", "GPU-1"),
    ]
    assert "faulty: its node is down" in faulty


def test_as_json_nothing_is_left_out(server: _Servicer, capsys: pytest.CaptureFixture[str]) -> None:
    """How many invocations run is there, too."""
    assert main(["gpus", "--json"]) == 0
    held, _ = json.loads(capsys.readouterr().out)
    assert held["memory_bytes"] == HELD.memory_bytes
    assert [each["busy"] for each in held["holders"]] == [1, 0]


def test_where_there_are_none_that_is_said(
    server: _Servicer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rather than nothing."""
    server.gpus = []
    assert main(["gpus"]) == 0
    assert capsys.readouterr().out == "there are no GPUs\n"


def test_a_server_that_does_not_answer_is_not_waited_for_forever(
    server: _Servicer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while its Redis is away."""
    monkeypatch.setattr(server_module, "_ANSWER_S", 0.1)
    server.may_answer.clear()
    assert main(["gpus"]) == 1
    assert "did not answer in time" in capsys.readouterr().err


def test_without_a_server_it_starts_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To look is no use of a stack."""
    monkeypatch.delenv("FNQ_ADDR", raising=False)
    monkeypatch.setenv("FNQ_HOME", str(tmp_path))
    assert main(["gpus"]) == 1
    assert "no stack runs on this machine" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
