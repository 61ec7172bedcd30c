"""The policies for Consul beside the jobs are enough, and none of their lines is idle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fnq_wire.consul import read_key
from fnq_wire.error import DiscoveryError
from fnq_wire.finder import CONSUMER, REDIS, SERVER, finder
from tests import agents
from tests.guardedconsul import GuardedConsul, guarded_consul
from tests.policies import Line, lines, policy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(120),
    pytest.mark.skipif("consul" in agents.lacking(), reason="not on the path: consul"),
]

#: Whom the parts look for, and the key that servers read.
PEERS = {
    "consul-server": [REDIS],
    "consul-consumer": [REDIS],
    "consul-worker": [SERVER, CONSUMER, REDIS],
    "consul-user": [SERVER],
}
KEY = "fnq/bounds"
CASES = [
    pytest.param(name, line, id=f"{name}: {line.name}") for name in PEERS for line in lines(name)
]


@pytest.fixture(scope="module")
def consul() -> Iterator[GuardedConsul]:
    """A Consul that knows one of each, and the bounds of an operator."""
    with guarded_consul() as made:
        for number, each in enumerate((SERVER, CONSUMER, REDIS), 1):
            made.ask("PUT", "agent/service/register", {"Name": each, "Port": number})
        made.ask("PUT", f"kv/{KEY}", "cpu = 1")
        yield made


def look(consul: GuardedConsul, name: str) -> str:
    """Do all that a part does with Consul; return what it is told where it may not."""
    told: list[str] = []
    for peer in PEERS[name]:
        found = finder(f"consul://{consul.address}", peer)
        try:
            assert found.find()
        except DiscoveryError as problem:
            told.append(str(problem))
        finally:
            found.close()
    if name == "consul-server":
        try:
            assert read_key(consul.address, KEY)
        except DiscoveryError as problem:
            told.append(str(problem))
    return "\n".join(told)


@pytest.mark.parametrize("name", PEERS)
def test_a_part_finds_whom_it_looks_for(
    consul: GuardedConsul, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token that its policy is for."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", consul.token_for(policy(name)))
    assert look(consul, name) == ""


@pytest.mark.parametrize(("name", "line"), CASES)
def test_a_line_that_is_taken_away_is_named(
    consul: GuardedConsul, name: str, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the error of what it was for: Consul itself says nothing, and lists nobody."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", consul.token_for(line.without))
    told = look(consul, name)
    assert f"set CONSUL_HTTP_TOKEN to a token that may, by a policy with {line.right}" in told


def test_a_token_that_consul_does_not_know_is_named(
    consul: GuardedConsul, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Consul's own words, and the rights that the right one has."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "6f1d1f4e-0000-4000-8000-000000000000")
    assert look(consul, "consul-user") == (
        f"cannot find {SERVER}: Consul at {consul.address} does not let us see it (ACL not found): "
        "set CONSUL_HTTP_TOKEN to a token that may, by a policy with "
        f'service "{SERVER}" {{ policy = "read" }} and node_prefix "" {{ policy = "read" }}'
    )
