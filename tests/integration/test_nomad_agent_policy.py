"""The policy of Nomad's agents for Consul is enough, and none of its lines is idle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests import agents
from tests.guarded import GuardedNomad, guarded
from tests.guardedconsul import GuardedConsul, guarded_consul
from tests.policies import lines, policy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(agents.lacking()), reason=f"not on the path: {agents.lacking()}"),
]

LINES = {each.name: each for each in lines("consul-nomad")}
#: Seconds in which an agent registers what a job offers.
_SOON_S = 60.0
TASK = {
    "Name": "t",
    "Driver": "raw_exec",
    "Config": {"command": "/bin/sleep", "args": ["1000"]},
    "Resources": {"CPU": 10, "MemoryMB": 10},
}
#: It offers something without a check.
JOB = {
    "ID": "fnq-probe",
    "Type": "service",
    "TaskGroups": [
        {"Name": "g", "Services": [{"Name": "fnq-probe", "Provider": "consul"}], "Tasks": [TASK]}
    ],
}
#: What an agent cannot do without a line, as its log has it, and what is missing in Consul.
BROKEN = {
    'agent_prefix "" { policy = "read" }': (
        "failed to acquire consul self endpoint: ",
        "fnq-probe",
    ),
    'service_prefix "fnq-" { policy = "write" }': ("Missing service:write on fnq-", "fnq-probe"),
    'service_prefix "nomad" { policy = "write" }': ("Missing service:write on nomad", "nomad"),
}


@pytest.fixture(scope="module")
def consul() -> Iterator[GuardedConsul]:
    """A Consul that tells nobody anything without a token."""
    with guarded_consul() as made:
        yield made


def await_that(true: Callable[[], object]) -> None:
    """Return once `true()` is."""
    until = time.monotonic() + _SOON_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def log_of(nomad: GuardedNomad) -> str:
    """Return what the agent wrote."""
    return nomad.log.read_text(errors="replace")


def offered(consul: GuardedConsul) -> set[str]:
    """Return the services that there are."""
    return set(consul.ask("GET", "catalog/services"))


def test_every_line_has_its_use() -> None:
    """None is in the file that no test takes away."""
    assert set(BROKEN) == set(LINES)


def test_an_agent_registers_itself_and_what_a_job_offers(consul: GuardedConsul) -> None:
    """And is denied nothing."""
    token = consul.token_for(policy("consul-nomad"))
    with guarded(consul=consul.address, consul_token=token) as nomad:
        nomad.ask("POST", "jobs", {"Job": JOB})
        await_that(lambda: {"fnq-probe", "nomad", "nomad-client"} <= offered(consul))
        assert "Permission denied" not in log_of(nomad)
        nomad.ask("DELETE", "job/fnq-probe")
        await_that(lambda: "fnq-probe" not in offered(consul))


@pytest.mark.parametrize("name", BROKEN)
def test_what_a_line_is_for_is_denied_without_it(consul: GuardedConsul, name: str) -> None:
    """The agent's log says what it was."""
    told, missing = BROKEN[name]
    await_that(lambda: offered(consul) == {"consul"})
    token = consul.token_for(LINES[name].without)
    with guarded(consul=consul.address, consul_token=token) as nomad:
        nomad.ask("POST", "jobs", {"Job": JOB})
        await_that(lambda: told in log_of(nomad))
        assert "403 (Permission denied" in log_of(nomad)
        assert missing not in offered(consul)
        nomad.ask("DELETE", "job/fnq-probe")
        await_that(lambda: "fnq-probe" not in offered(consul))
