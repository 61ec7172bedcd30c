"""`fnq volume` where a server is silent or slow, and where a file of this machine is not there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from chalkcompute.cli import main
from chalkcompute.cli import server as server_module
from fnq.v1 import volumes_pb2, volumes_pb2_grpc


class _Servicer(volumes_pb2_grpc.VolumesServicer):
    """Begins an answer, unless it is `silent`, and ends it once it may."""

    def __init__(self) -> None:
        self.silent = False
        self.may_end = threading.Event()

    def List(self, request: Any, context: Any) -> Any:  # noqa: N802 - of the wire
        self._answer(context)
        return volumes_pb2.ListVolumesReply()

    def Look(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._answer(context)
        yield volumes_pb2.LookReply()

    def Put(self, parts: Any, context: Any) -> Any:  # noqa: N802
        self._answer(context)
        return volumes_pb2.PutReply(files=sum(each.last for each in parts))

    def Get(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._answer(context)
        yield volumes_pb2.GetPart(entry=volumes_pb2.VolumeEntry(kind="file", mode=0o600))

    def Remove(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._answer(context)
        return volumes_pb2.RemoveReply()

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._answer(context)
        return volumes_pb2.DeleteVolumeReply()

    def _answer(self, context: Any) -> None:
        if not self.silent:
            context.send_initial_metadata(())
        self.may_end.wait()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Servicer]:
    """A server that FNQ_ADDR names."""
    servicer, made = _Servicer(), grpc.server(ThreadPoolExecutor(8))
    volumes_pb2_grpc.add_VolumesServicer_to_server(servicer, made)
    address = f"127.0.0.1:{made.add_insecure_port('127.0.0.1:0')}"
    made.start()
    monkeypatch.setenv("FNQ_ADDR", address)
    yield servicer
    servicer.may_end.set()
    made.stop(None).wait()


def _words(tmp_path: Path) -> list[list[str]]:
    local = tmp_path / "local"
    local.write_bytes(b"x")
    return [
        ["list"],
        ["list", "vol:there"],
        ["put", "vol", str(local)],
        ["get", "vol", "there", str(tmp_path / "got")],
        ["rm", "vol", "there"],
        ["delete", "vol"],
    ]


def test_a_server_that_does_not_answer_is_given_up(
    server: _Servicer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is asked of it."""
    monkeypatch.setattr(server_module, "_ANSWER_S", 0.05)
    server.silent = True
    for words in _words(tmp_path):
        assert main(["volume", *words]) == 1, words
        assert "did not answer in time" in capsys.readouterr().err


def test_an_answer_that_has_begun_takes_as_long_as_it_takes(
    server: _Servicer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transfer, and a look at very many files, need more time than other questions."""
    begun: list[Any] = []
    wait = server_module.Server.begun

    def begin(self: server_module.Server, call: Any) -> Any:
        """Let the answer end once it has begun, and nobody watches for that any more."""
        begun.append(wait(self, call))
        server.may_end.set()
        return begun[-1]

    monkeypatch.setattr(server_module.Server, "begun", begin)
    for words in _words(tmp_path):
        server.may_end.clear()
        assert main(["volume", *words]) == 0, words
    assert len(begun) == len(_words(tmp_path))


def test_a_file_that_is_not_here_is_named_as_one_of_this_machine(
    server: _Servicer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could be one of the volume, which has paths as well."""
    server.may_end.set()
    assert main(["volume", "put", "vol", str(tmp_path / "none")]) == 1
    expected = f"fnq: {tmp_path}/none on this machine: No such file or directory\n"
    assert capsys.readouterr().err == expected
