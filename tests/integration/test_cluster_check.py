"""`fnq cluster check` beside a real Consul, with and without a server."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalkcompute.cli import main
from fnq_wire.address import ConsulAddress
from fnq_wire.consul import enrolment
from fnq_wire.enrolment import Enrolment
from fnq_wire.error import DiscoveryError
from jobs import command
from jobs.agent import missing
from jobs.consul import Consul
from tests import agents
from tests.consul import ConsulAgent
from tests.integration.registered import Registered
from tests.redis import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

#: Seconds in which Consul has elected itself.
READY_S = 20.0


@pytest.fixture
def town(consul: ConsulAgent, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registered]:
    """A Redis that Consul knows, which FNQ_ADDR names, and no service yet."""
    monkeypatch.setenv("FNQ_ADDR", consul.address)
    with tempfile.TemporaryDirectory(prefix="town-") as folder:
        made = Registered(Path(folder), consul)
        made.start_redis()
        yield made
        made.close()


def _found(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the state of each thing."""
    main(["cluster", "check", "--json"])
    told = json.loads(capsys.readouterr().out)
    return {each["subject"]: each["state"] for each in told["findings"]}


def test_instances_are_counted_as_consul_calls_them(consul: ConsulAgent) -> None:
    """Known, and healthy; of a service that nobody registered there are none."""
    at = ConsulAddress(consul.place, "fnq-server")
    assert enrolment(at) == Enrolment(0, 0)
    for name in ("s1", "s2"):
        consul.register("fnq-server", name, 7070)
    assert enrolment(at) == Enrolment(2, 2)
    consul.fail_check("s1")
    assert enrolment(at) == Enrolment(2, 1)
    consul.kill()
    with pytest.raises(DiscoveryError, match=r"does not say who is fnq-server .*refused"):
        enrolment(at)


def test_what_a_token_may_not_see_is_told(tmp_path: Path) -> None:
    """Consul itself shows nothing, and says nothing of that."""
    if missing(["consul"]):
        pytest.skip("consul is not on the path")
    agent = command.consul(agents.ports()[0], tmp_path)
    place = f"127.0.0.1:{agent.ports[0]}"
    words = [*agent.command, '-hcl=acl { enabled = true default_policy = "deny" }']
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(Consul(place).ready, READY_S)
            at = ConsulAddress(place, "fnq-server")
            wait_until(lambda: 'service "fnq-server"' in enrolment(at).lack, READY_S)
            assert enrolment(at).known == 0
        finally:
            process.kill()


def test_what_lacks_is_told_until_a_server_answers(
    town: Registered, capsys: pytest.CaptureFixture[str]
) -> None:
    """From here first, and by the server when there is one."""
    assert _found(capsys) == {
        "consul": "ok",
        "nomad": "missing",
        "service fnq-redis": "ok",
        "service fnq-server": "missing",
        "service fnq-consumer": "missing",
    }
    town.start("s1")
    assert _found(capsys) == {
        "consul": "ok",
        "redis": "ok",
        "redis file": "ok",
        "redis memory": "ok",
        "redis room": "note",
        "token": "note",
        "workers": "note",
    }
    town.redis.kill()
    found = _found(capsys)
    assert (found["consul"], found["redis"]) == ("ok", "missing")
