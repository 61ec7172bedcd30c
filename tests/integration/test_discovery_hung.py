"""A Consul that hangs, or is away when a script begins: nobody waits for it long."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chalkcompute.config import Config
from chalkcompute.errors import NotFoundError
from chalkcompute.session import ServerSession
from tests.consul import ConsulAgent
from tests.integration.asking import Asked
from tests.integration.registered import Registered
from tests.redis import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

PROGRAM = Path(__file__).parent / "programs" / "asked.py"
#: Seconds in which a new process must know that it finds nobody: one of patience, and
#: what Python takes to start on a busy machine.
KNOWN_S = 15.0
#: Seconds within which a change must have been followed.
SOON_S = 15.0


@pytest.fixture
def town(consul: ConsulAgent) -> Iterator[Registered]:
    """A Redis that Consul knows, two servers and two consumers."""
    with tempfile.TemporaryDirectory(prefix="town-") as folder:
        made = Registered(Path(folder), consul)
        made.start_redis()
        made.start("s1", "s2", "c1", "c2")
        yield made
        made.close()


def _begin(town: Registered) -> str:
    """Start a script that needs a server; return what it said."""
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env=os.environ | {"FNQ_ADDR": town.consul.address},
        input="1\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert time.monotonic() - begun < KNOWN_S
    return done.stderr


def test_calls_go_on_while_consul_hangs_and_servers_and_consumers_die(town: Registered) -> None:
    """Nobody forgets whom it named last; once it answers again changes are followed."""
    script = Asked(town.consul.address)
    script.ask(20)
    script.start_workers(town)
    assert script.answer() == 41
    town.consul.hang()
    try:
        script.ask(1)
        assert script.answer() == 3
        town.kill("c1")
        town.kill("s1")
        script.ask(2)
        assert script.answer() == 5
    finally:
        town.consul.wake()
    town.start("s3", "c3")
    town.kill("s2")
    town.kill("c2")
    script.ask(3)
    assert script.answer() == 7
    script.close()


def test_a_script_that_begins_without_consul_is_told_so_soon(town: Registered) -> None:
    """In one line each: it hangs, it is away, it was started anew and knows nobody yet."""
    place = town.consul.place
    head = f"cannot find fnq-server: Consul at {place}"
    town.consul.hang()
    try:
        assert f"{head} does not answer (no answer within 1 s); start it" in _begin(town)
    finally:
        town.consul.wake()
    town.consul.kill()
    told = _begin(town)
    assert f"{head} does not answer" in told
    assert "Connection refused); start it" in told
    town.consul.start()
    assert f"{head} knows no healthy one; start one" in _begin(town)
    town.consul.register("fnq-redis", "redis", town.redis.port)


def test_callers_are_shared_out_among_servers(town: Registered) -> None:
    """Those that come once a third one is there, too; one that is critical gets none."""

    def shared(count: int) -> Counter[str]:
        with ExitStack() as stack:
            return Counter(_used(stack, town) for _ in range(count))

    names = {town.place(each): each for each in ("s1", "s2")}
    assert {names[each] for each in shared(16)} == {"s1", "s2"}
    town.start("s3")
    wait_until(lambda: town.place("s3") in shared(6), SOON_S)
    town.consul.fail_check("s1")
    assert town.place("s1") not in shared(16)


def _used(stack: ExitStack, town: Registered) -> str:
    session: Any = ServerSession(Config(addr=town.consul.address))
    stack.callback(session.close)
    with pytest.raises(NotFoundError):
        session.lookup("nobody", None)
    found: str = session._control.address
    return found
