"""`fnq cluster check` as operators see it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from chalkcompute.cli import main
from chalkcompute.cli import server as server_module
from fnq.v1 import cluster_pb2, cluster_pb2_grpc
from fnq_wire import consul
from fnq_wire.address import ConsulAddress
from fnq_wire.enrolment import Enrolment
from fnq_wire.error import DiscoveryError
from fnq_wire.finder import SERVER, finder

FINE = cluster_pb2.Finding(subject="redis", state="ok", what="release 7.2.4 answers the servers")
BAD = cluster_pb2.Finding(
    subject="driver", state="missing", what="no node runs docker", remedy="start an engine"
)
RULE = 'service "fnq-server" { policy = "read" }'


class _Servicer(cluster_pb2_grpc.ClusterServicer):
    """Says what a test says."""

    def __init__(self) -> None:
        self.findings = [FINE]

    def Check(  # noqa: N802 - the name in the contract of the wire
        self, request: Any, context: Any
    ) -> cluster_pb2.CheckReply:
        return cluster_pb2.CheckReply(findings=self.findings)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Servicer]:
    """A server that FNQ_ADDR names."""
    servicer, made = _Servicer(), grpc.server(ThreadPoolExecutor(1))
    cluster_pb2_grpc.add_ClusterServicer_to_server(servicer, made)
    address = f"127.0.0.1:{made.add_insecure_port('127.0.0.1:0')}"
    made.start()
    monkeypatch.setenv("FNQ_ADDR", address)
    yield servicer
    made.stop(None).wait()


def _registered(monkeypatch: pytest.MonkeyPatch, **healthy: int) -> None:
    """Have a Consul that knows so many of each service, and FNQ_ADDR name it."""

    def enrolment(at: ConsulAddress) -> Enrolment:
        count = healthy.get(at.service.replace("-", "_"), 0)
        return Enrolment(count, count)

    monkeypatch.setattr(consul, "enrolment", enrolment)
    monkeypatch.setenv("FNQ_ADDR", "consul://127.0.0.1:8500")


def test_what_is_missing_is_a_line_with_what_to_do(
    server: _Servicer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code says that something is."""
    server.findings = [FINE, BAD]
    assert main(["cluster", "check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "ok       redis   release 7.2.4 answers the servers",
        "missing  driver  no node runs docker; start an engine",
        "1 missing",
    ]


def test_where_nothing_is_missing_that_is_said(
    server: _Servicer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of success, whatever is only worth knowing."""
    server.findings = [FINE, cluster_pb2.Finding(subject="gpus", state="note", what="none")]
    assert main(["cluster", "check"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "note     gpus   none",
        "nothing is missing",
    ]


def test_as_json_it_is_one_object(server: _Servicer, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fact has the same four keys."""
    server.findings = [FINE, BAD]
    assert main(["cluster", "check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["missing"] == 1
    assert [each["subject"] for each in told["findings"]] == ["redis", "driver"]
    assert told["findings"][1] == {
        "subject": "driver",
        "state": "missing",
        "what": "no node runs docker",
        "remedy": "start an engine",
    }


def test_without_a_cluster_there_is_none_to_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No stack is started for that."""
    monkeypatch.delenv("FNQ_ADDR", raising=False)
    assert main(["cluster", "check"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("fnq: there is no cluster to check: name one with FNQ_ADDR=consul://")


def test_a_consul_that_is_away_is_all_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would have told is not known."""

    def refuse(at: ConsulAddress) -> Enrolment:
        raise DiscoveryError(f"Consul at {at.consul} does not say who is {at.service}")

    monkeypatch.setattr(consul, "enrolment", refuse)
    monkeypatch.setenv("FNQ_ADDR", "consul://127.0.0.1:8500")
    assert main(["cluster", "check"]) == 1
    [line, last] = capsys.readouterr().out.splitlines()
    assert line.startswith("missing  consul  Consul at 127.0.0.1:8500 does not say who is fnq-")
    assert last == "1 missing"


def test_without_a_server_consul_says_which_part_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whether there is a Nomad at all."""
    _registered(monkeypatch, nomad=1, nomad_client=2, fnq_redis=1)
    assert main(["cluster", "check"]) == 1
    *told, last = capsys.readouterr().out.splitlines()
    assert [re.split("  +", line)[:2] for line in told] == [
        ["ok", "consul"],
        ["ok", "nomad"],
        ["ok", "service fnq-redis"],
        ["missing", "service fnq-server"],
        ["missing", "service fnq-consumer"],
    ]
    assert last == "2 missing"


def test_without_a_nomad_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its agents register themselves in Consul."""
    _registered(monkeypatch, nomad=1)
    assert main(["cluster", "check"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "missing nomad Consul at 127.0.0.1:8500 calls servers of Nomad healthy; start" in said


def test_without_the_right_to_see_a_server_that_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there are some nobody knows."""
    monkeypatch.setattr(consul, "enrolment", lambda _at: Enrolment(0, 0, RULE))
    monkeypatch.setenv("FNQ_ADDR", "consul://127.0.0.1:8500")
    assert main(["cluster", "check", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["findings"][-1]["remedy"].endswith(f"by a policy with {RULE}")
    states = {each["subject"]: each["state"] for each in told["findings"]}
    assert states.pop("consul") == "ok"
    assert states.pop("server") == "missing"
    assert set(states.values()) == {"note"}


def test_a_healthy_server_that_does_not_answer_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a machine that reaches Consul alone."""
    _registered(monkeypatch, fnq_server=1)
    nowhere = finder("127.0.0.1:1", SERVER)
    monkeypatch.setattr(server_module, "finder", lambda *_: nowhere)
    assert main(["cluster", "check"]) == 1
    assert "missing  server  no server answers at 127.0.0.1:1" in capsys.readouterr().out
