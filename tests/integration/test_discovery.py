"""Everybody finds everybody through Consul, and goes on while it is away."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalkcompute.config import Config
from chalkcompute.errors import DiscoveryError, NotFoundError
from chalkcompute.session import ServerSession
from fnq_wire.finder import SERVER, finder
from tests.consul import ConsulAgent
from tests.integration.asking import Asked
from tests.integration.registered import Registered
from tests.redis import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

#: Seconds within which a change must have been followed.
SOON_S = 15.0


@pytest.fixture
def town(consul: ConsulAgent) -> Iterator[Registered]:
    """A Redis that Consul knows, and no service yet."""
    with tempfile.TemporaryDirectory(prefix="town-") as folder:
        made = Registered(Path(folder), consul)
        made.start_redis()
        yield made
        made.close()


@contextmanager
def calling(town: Registered) -> Iterator[Any]:
    """Give a session of the SDK, as a script has it."""
    session = ServerSession(Config(addr=town.consul.address))
    try:
        yield session
    finally:
        session.close()


def _uses(session: Any, town: Registered, name: str) -> bool:
    """Tell whether a session talks to a server, and is answered."""
    if session._control.address != town.place(name):
        return False
    with pytest.raises(NotFoundError):
        session.lookup("nobody", None)
    return True


def _knows(session: Any, count: int) -> bool:
    return len(session._control._finder._roster.instances) == count


def test_the_sdk_finds_a_healthy_server_and_moves_when_it_is_no_more(town: Registered) -> None:
    """A critical one is not tried, though it would answer."""
    town.start("s1", "s2")
    for _ in range(4):
        town.consul.fail_check("s2")
        with calling(town) as session:
            assert _uses(session, town, "s1")
    with calling(town) as session:
        wait_until(lambda: _uses(session, town, "s1"))
        town.consul.pass_check("s2")
        wait_until(lambda: _knows(session, 2), SOON_S)
        town.consul.fail_check("s1")
        town.kill("s1")
        wait_until(lambda: _uses(session, town, "s2"), SOON_S)


def test_the_sdk_goes_by_what_it_knew_while_consul_is_away(town: Registered) -> None:
    """And follows changes once Consul is back, which has forgotten all by then."""
    town.start("s1", "s2")
    with calling(town) as session:
        wait_until(lambda: _knows(session, 2), SOON_S)
        used = next(name for name in ("s1", "s2") if _uses(session, town, name))
        other = "s2" if used == "s1" else "s1"
        town.consul.kill()
        town.kill(used)
        wait_until(lambda: _uses(session, town, other), SOON_S)
        town.consul.start()
        town.consul.register("fnq-redis", "redis", town.redis.port)
        assert _uses(session, town, other)
        town.start("s3")
        wait_until(lambda: _knows(session, 1), SOON_S)
        town.kill(other)
        wait_until(lambda: _uses(session, town, "s3"), SOON_S)


def test_a_service_that_nobody_registered_is_named_with_the_remedy(consul: ConsulAgent) -> None:
    """After the first patience; another name in the address is what is looked for."""
    for address, service in (("", "fnq-server"), ("/mine", "mine")):
        with pytest.raises(DiscoveryError) as told:
            ServerSession(Config(addr=consul.address + address))
        text = f"cannot find {service}: Consul at {consul.place} knows no healthy one; start one"
        assert text in str(told.value)


def test_instances_are_shared_out_and_each_is_reached_at_its_own_address(
    consul: ConsulAgent,
) -> None:
    """One without an address is at its node's; IPv6 is put into brackets."""
    consul.register(SERVER, "own", 1, "10.0.0.9")
    consul.register(SERVER, "node", 2, "")
    consul.register(SERVER, "six", 3, "fd00::1")
    found = finder(consul.address, SERVER)
    try:
        assert {found.find() for _ in range(100)} == {"10.0.0.9:1", "127.0.0.1:2", "[fd00::1]:3"}
        consul.deregister("own")
        wait_until(lambda: {found.find() for _ in range(100)} == {"127.0.0.1:2", "[fd00::1]:3"})
        assert {found.find("127.0.0.1:2") for _ in range(50)} == {"[fd00::1]:3"}
    finally:
        found.close()


@pytest.fixture
def script(town: Registered) -> Iterator[Asked]:
    """A script whose first call has been answered; all know two servers and two consumers."""
    town.start("s1", "s2", "c1", "c2")
    made = Asked(town.consul.address)
    made.ask(20)
    made.start_workers(town)
    assert made.answer() == 41
    yield made
    made.close()


def test_a_worker_moves_to_another_consumer_and_its_nested_calls_to_another_server(
    town: Registered, script: Asked
) -> None:
    """From those that die while Consul is away, and once it is back from the others."""
    town.consul.kill()
    town.kill("c1")
    script.ask(2)
    assert script.answer() == 5
    town.kill("s1")
    script.ask(3)
    assert script.answer() == 7
    town.consul.start()
    town.consul.register("fnq-redis", "redis", town.redis.port)
    town.start("c3", "s3")
    town.kill("c2")
    town.kill("s2")
    script.ask(4)
    assert script.answer() == 9


def test_a_redis_that_moved_to_another_port_is_followed_by_all(
    town: Registered, script: Asked
) -> None:
    """Server, consumer and workers; a call made meanwhile waits and is answered."""
    before = town.redis.port
    town.redis.kill()
    town.consul.fail_check("redis")
    script.ask(5)
    town.wait_said("c1", "redis is away")
    town.start_redis()
    assert town.redis.port != before
    assert script.answer() == 11
    script.ask(6)
    assert script.answer() == 13


def test_a_service_without_consul_waits_for_it_and_for_redis(town: Registered) -> None:
    """It says what it waits for, once each; then it starts."""
    town.consul.kill()
    town.begin("s1", "--listen", "127.0.0.1:0")
    town.wait_said("s1", f"cannot find fnq-redis: Consul at {town.consul.place} does not answer")
    town.consul.start()
    assert "is ready" not in town.said("s1")
    town.consul.register("fnq-redis", "redis", town.redis.port)
    town.wait_said("s1", "is ready")
    assert town.said("s1").count("redis is away") == 1


def test_the_command_finds_its_server_too(
    town: Registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status and logs."""
    town.start("s1")
    monkeypatch.setenv("FNQ_ADDR", town.consul.address)
    for command in ("status", "logs"):
        fnq = str(Path(sys.executable).with_name("fnq"))
        done = subprocess.run([fnq, command], cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
