"""What is asked of Nomad and Consul about what workers need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire import consul
from fnq_wire.address import ConsulAddress
from fnq_wire.enrolment import Enrolment
from fnq_wire.error import DiscoveryError
from fnq_wire.finding import MISSING, NOTE, OK, Finding
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import STARTED, allocation, node

#: What a node says of itself that has all.
ATTRIBUTES = {"consul.version": "1.8.7", "plugins.host_volume.mkdir.version": "0.0.1"}
SERVICES = {"service fnq-redis", "service fnq-server", "service fnq-consumer"}
#: What changes something, were it about what is there.
WRITES = {
    *(f"POST job/fnq-check-00000000{verb}" for verb in ("", "/plan", "/scale", "/evaluate")),
    "DELETE job/fnq-check-00000000",
    "PUT volume/host/create",
    "DELETE volume/host/00000000-0000-0000-0000-000000000000",
    *(
        f"{verb} var/{path}/fnq-check"
        for verb in ("PUT", "DELETE")
        for path in ("fnq/secrets", "nomad/jobs")
    ),
}


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with one node, where a worker has run."""
    cpu = {"CpuShares": 2_000, "TotalCpuCores": 2}
    with serving() as made:
        own = {"Cpu": cpu, "Memory": {"MemoryMB": 24_105}}
        made.nodes = [node(Version="2.0.5", Attributes=ATTRIBUTES, NodeResources=own)]
        made.place("fnq-f-abc01234", allocation("running", STARTED))
        made.vars.write("nomad/jobs", {"FNQ_TOKEN": "t", "REDIS_PASSWORD": "p"})
        made.jobs = {each: _part(each) for each in ("fnq-redis", "fnq-server", "fnq-consumer")}
        yield made


def _part(name: str) -> dict[str, Any]:
    group = {"Running": 1, "Starting": 0, "Queued": 0}
    return {"ID": name, "Stop": False, "JobSummary": {"Summary": {"g": group}}}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Consul in which there is one of each."""
    monkeypatch.setattr(consul, "enrolment", lambda _at: Enrolment(1, 1))


async def _found(api: NomadApi, token: str | None = "t", **terms: Any) -> dict[str, Finding]:
    """Return what is found, by subject."""
    given: dict[str, Any] = {"driver": "raw_exec", "command": "/opt/python"}
    nomad = NomadOrchestrator(Access(api.address), Terms(**given | terms))
    return {each.subject: each for each in await nomad.check(token)}


async def test_each_thing_that_is_there_is_a_line(api: NomadApi) -> None:
    """GPUs are none of those that must be."""
    api.own = {"Type": "client"}
    found = await _found(api)
    assert {name: each.state for name, each in found.items()} == {
        **dict.fromkeys(["nomad", "driver", "cpu", "volumes", "consul agents", "rights"], OK),
        **dict.fromkeys(["place", "memory_max", "environment", "nomad/jobs"], OK),
        **dict.fromkeys(["job fnq-redis", "job fnq-server", "job fnq-consumer"], OK),
        **dict.fromkeys(SERVICES, OK),
        "gpus": NOTE,
    }


async def test_nothing_is_changed(api: NomadApi) -> None:
    """What is tried is about what is not there."""
    api.own = {"Type": "client"}
    before = dict(api.jobs), dict(api.vars.items)
    await _found(api)
    assert {f"{method} {path}" for method, path in api.asked if method != "GET"} == WRITES
    assert (api.jobs, api.vars.items, api.hosts.volumes) == (*before, [])


async def test_without_acls_that_is_said_and_no_right_is_tried(api: NomadApi) -> None:
    """Whoever reaches Nomad has them all."""
    found = await _found(api)
    assert found["rights"].state == NOTE
    assert found["rights"].what.startswith("Nomad's ACLs are off: whoever reaches it can read")
    assert not any(path.startswith("volume/host") for _, path in api.asked)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("node/00000000-0000-0000-0000-000000000000", 'node { policy = "read" }'),
        ("jobs", "the capability list-jobs"),
        ("job/fnq-check-00000000/plan", "the capability plan-job"),
        ("job/fnq-check-00000000/scale", "the capability scale-job"),
        ("job/fnq-check-00000000/evaluate", "the capability evaluate-job"),
        ("client/fs/logs/a2145c67-0000-0000-0000-000000000010", "the capability read-logs"),
        ("volume/host/create", "the capability host-volume-create"),
    ],
)
async def test_a_right_that_lacks_is_named(api: NomadApi, path: str, line: str) -> None:
    """By the line of the policy in which it would stand."""
    api.own, api.denied = {"Type": "client"}, {path}
    found = await _found(api)
    assert (found["rights"].state, found["rights"].what) == (
        MISSING,
        f"the servers' token lacks {line}",
    )


async def test_a_volume_is_not_tried_where_no_job_may_be_registered(api: NomadApi) -> None:
    """Nobody comes as far as the line about it."""
    api.own, api.denied = {"Type": "client"}, {"job/fnq-check-00000000"}
    nomad = NomadOrchestrator(Access(api.address), Terms(driver="raw_exec", command="/opt/python"))
    told = [each.what for each in await nomad.check("t") if each.subject == "rights"]
    assert "the servers' token lacks the capability register-job" in told
    assert not any("host_volume" in each for each in told)


async def test_a_log_that_nobody_can_read_now_is_no_right_that_lacks(api: NomadApi) -> None:
    """Its node is out of reach, and says so after it looked at the token."""
    api.own = {"Type": "client"}
    api.broken_logs.add("a2145c67-0000-0000-0000-000000000010")
    assert (await _found(api))["rights"].state == OK


async def test_a_token_that_may_not_show_itself_is_tried_all_the_same(api: NomadApi) -> None:
    """So ACLs are on."""
    api.denied = {"acl/token/self", "jobs"}
    assert (await _found(api))["rights"].what == "the servers' token lacks the capability list-jobs"


async def test_what_may_not_be_asked_is_not_known(api: NomadApi) -> None:
    """The rights that lack are the fault, not what they would show."""
    api.own, api.denied = {"Type": "client"}, {"nodes", "allocations"}
    api.vars.denied = {"nomad/jobs"}
    found = await _found(api)
    for each in ("nomad", "workers", "nomad/jobs"):
        assert (found[each].state, found[each].what[:9]) == (NOTE, "not known")


async def test_a_node_pool_that_is_none_is_told(api: NomadApi) -> None:
    """In Nomad's words, where a worker would be placed."""
    found = await _found(api, node_pool="gpu")
    assert found["place"].state == MISSING
    assert 'is in nonexistent node pool "gpu"' in found["place"].what
    assert "driver" not in found


async def test_a_nomad_that_is_away_leaves_consul_to_be_asked(api: NomadApi) -> None:
    """The error says where it was looked for."""
    api.refusal = 500, "No cluster leader"
    found = await _found(api)
    assert found.keys() == {"nomad", *SERVICES}
    assert found["nomad"].state == MISSING
    assert "(No cluster leader): see whether nomad server members names a" in found["nomad"].what


async def test_a_consul_that_is_away_is_told_of_each_part(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not of those that are at a fixed address."""

    def refuse(at: ConsulAddress) -> Enrolment:
        raise DiscoveryError(f"Consul at {at.consul} is away")

    monkeypatch.setattr(consul, "enrolment", refuse)
    found = await _found(api, server="10.0.0.1:7070", redis="redis://10.0.0.2:6379")
    assert SERVICES & found.keys() == {"service fnq-consumer"}
    assert found["service fnq-consumer"].state == MISSING
    assert found["service fnq-consumer"].what == "Consul at 127.0.0.1:8500 is away"


@pytest.mark.parametrize(
    ("text", "state", "told"),
    [
        ("cpu = 4", OK, "read from the key 'fnq/bounds' of Consul"),
        (None, MISSING, "there is no key 'fnq/bounds' in Consul"),
        (
            "cpus = 4",
            MISSING,
            (
                "the key 'fnq/bounds' of Consul holds no bounds: bounds.cpus: no such bound; did "
                "you mean cpu?"
            ),
        ),
        (DiscoveryError("the key cannot be read"), MISSING, "the key cannot be read"),
    ],
)
async def test_bounds_in_consul_are_read(
    api: NomadApi, text: Any, state: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nothing is deployed."""

    def read(_place: str, _key: str) -> Any:
        if isinstance(text, Exception):
            raise text
        return text

    monkeypatch.setattr(consul, "read_key", read)
    found = await _found(api, bounds_key="fnq/bounds")
    assert (found["bounds"].state, found["bounds"].what) == (state, told)


async def test_a_right_is_not_there_because_nobody_answered(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was in the way is told in its place."""
    api.own = {"Type": "client"}
    answer = api.answer

    def hang_up(method: str, url: str, body: Any) -> tuple[int, Any]:
        if "/scale" in url:
            raise ConnectionError(url)
        return answer(method, url, body)

    monkeypatch.setattr(api, "answer", hang_up)
    found = await _found(api)
    assert found["rights"].state == MISSING
    assert "lacks" not in found["rights"].what
    assert found["rights"].what.startswith("no Nomad can be reached at ")
