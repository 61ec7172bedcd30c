"""A whole stack, its services being stand-ins: how it comes up, is mended and leaves."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.unit.fnq_local.stack import OPTIONS, Stack, until

pytestmark = pytest.mark.integration

_VERSION = {"namespace": "default", "version": "abc", "grace_s": 30}
#: What is given to agents that are given nothing.
_GIVEN = {
    "secrets": {},
    "image": "",
    "volumes": [],
    "cpu_millis": 0,
    "memory_bytes": 0,
    "gpus": [],
}
_WANTED = {**_VERSION, "function": "add", **_GIVEN}


def test_a_stack_comes_up_with_everything_it_needs(stack: Stack) -> None:
    """All are running and named with their addresses and their titles."""
    stack.up()
    until(lambda: stack.pid("zygote"), "the zygote")
    found = stack.processes()
    assert set(found) == {"supervisor", "redis", "forge", "zygote", "server", "consumer"}
    assert all(entry["state"] == "running" and entry["pid"] for entry in found.values())
    assert found["server"]["address"] == f"unix:{stack.runtime}/server.sock"
    title = Path(f"/proc/{found['server']['pid']}/cmdline").read_text().strip("\0")
    assert title == "fnq-server"


def test_data_that_no_server_here_reads_are_named_with_their_writer(stack: Stack) -> None:
    """The stack does not come up, and says what wrote them, where they lie and what to do."""
    data = stack.state / "appendonlydir"
    data.mkdir(parents=True)
    (data / "appendonly.aof.1.base.rdb").write_bytes(b"VALKEY999\xfa\x0avalkey-ver\x0699.0.1\xfa")
    (data / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")
    supervisor = stack.start()
    until(stack.answers, "the door")
    answer = stack.ask("ping", wait_s=20.0)
    assert not answer["ok"]
    assert (
        f"{data} was written by Valkey 99.0.1: put that, or a newer one, on PATH" in answer["error"]
    )
    assert supervisor.wait(10) == 1


def test_as_many_agents_run_as_are_wanted(stack: Stack) -> None:
    """More are started, those with the highest indexes go, and a version is stopped as one."""
    stack.up()
    answer = stack.ask("ensure", **_WANTED, replicas=3)
    assert [agent["replica"] for agent in answer["agents"]] == [0, 1, 2]
    first = until(lambda: stack.pid("worker 0"), "the first agent")
    until(lambda: stack.pid("worker 2"), "the third agent")
    assert stack.processes()["worker 2"]["function"] == "add"
    assert len(stack.ask("ensure", **_WANTED, replicas=1, exact=False)["agents"]) == 3
    stack.ask("ensure", **_WANTED, replicas=1)
    until(lambda: len(stack.left()) == 7, "the end of two agents")
    assert stack.pid("worker 0") == first
    other = {**_VERSION, "namespace": "other"}
    assert stack.ask("stop", **other) == {"ok": True, "stopped": 0}
    assert stack.ask("stop", **_VERSION) == {"ok": True, "stopped": 1}
    until(lambda: "worker 0" not in stack.processes(), "the end of the last agent")


def test_an_agent_gets_its_arguments_and_its_environment(stack: Stack) -> None:
    """It writes into a log of its own, which the status names."""
    stack.up()
    stack.ask("ensure", **{**_WANTED, "secrets": {"STANDIN_EXIT": "blue"}}, replicas=1)
    log = stack.processes()["worker 0"]["log"]
    text = until(lambda: Path(log).read_text() if os.path.exists(log) else "", "the agent's word")
    assert "standin: blue" in text
    for words in ("'--namespace', 'default'", "'--version', 'abc'", "'--replica', '0'"):
        assert words in text


def test_what_a_caller_sets_for_itself_is_not_for_the_stack(stack: Stack) -> None:
    """Its processes have neither the caller's server and token, nor a password for Redis."""
    own = {"FNQ_ADDR": "h:1", "FNQ_TOKEN": "t", "FNQ_NAMESPACE": "n", "REDIS_PASSWORD": "p"}
    stack.up(**own)
    for role in ("redis", "forge", "zygote"):
        until(lambda: stack.pid(role), role)  # noqa: B023 - asked in this turn
        environ = Path(f"/proc/{stack.pid(role)}/environ").read_bytes().split(b"\0")
        assert not [each for each in environ if each.split(b"=")[0].decode() in own]


@pytest.mark.parametrize(
    "wish",
    [
        {**_WANTED, "replicas": 1, "version": "../up"},
        {**_WANTED, "replicas": -1},
        {**_WANTED, "replicas": 1_000_000},
        {**_WANTED, "replicas": "many"},
        {**_WANTED, "replicas": 1, "namespace": ""},
        {"version": "abc"},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(stack: Stack, wish: dict[str, object]) -> None:
    """The supervisor says what it expected, and lives on."""
    stack.up()
    assert stack.ask("ensure", **wish)["ok"] is False
    assert stack.ask("dance")["error"].startswith("expected a verb of ping, ensure")


@pytest.mark.parametrize("name", ["redis", "forge", "zygote", "server", "consumer", "worker 0"])
def test_whatever_is_killed_is_started_again_at_once(stack: Stack, name: str) -> None:
    """A new process of the same role is there within a moment, and the stack is up again."""
    stack.up()
    stack.ask("ensure", **_WANTED, replicas=1)
    old = until(lambda: stack.pid(name), name)
    os.kill(old, signal.SIGKILL)
    until(lambda: stack.pid(name) not in (0, old), f"another {name}")
    assert until(lambda: stack.ask("ping", wait_s=10)["ready"], "the stack")
    until(lambda: stack.pid("worker 0"), "the agent")


def test_an_agent_that_dies_at_once_is_reported(stack: Stack) -> None:
    """The status says that it waits, how it ended and what it said last."""
    stack.up()
    stack.ask("ensure", **{**_WANTED, "secrets": {"STANDIN_EXIT": "no licence"}}, replicas=1)

    def reason() -> str:
        entry = stack.processes()["worker 0"]
        return str(entry["reason"]) if entry["state"] == "waiting" else ""

    assert "ended with exit code 7: standin: no licence" in until(reason, "the reason")


def test_nothing_outlives_a_killed_supervisor(stack: Stack) -> None:
    """Its children die with it, and the next stack takes its place over."""
    supervisor = stack.up()
    stack.ask("ensure", **_WANTED, replicas=2)
    until(lambda: stack.pid("worker 1"), "the agents")
    supervisor.kill()
    supervisor.wait()
    until(lambda: not stack.left(), "the end of all")
    assert (stack.runtime / "server.sock").exists()
    stack.up()
    assert stack.pid("server")


def test_a_stack_told_to_end_leaves_nothing_behind(stack: Stack) -> None:
    """After `down` is answered there is no process, no socket and no directory for them."""
    supervisor = stack.up()
    stack.ask("ensure", **_WANTED, replicas=2)
    until(lambda: stack.pid("worker 1"), "the agents")
    assert stack.ask("down") == {"ok": True, "pid": supervisor.pid}
    assert not stack.runtime.exists()
    assert supervisor.wait(10) == 0
    assert stack.left() == []
    assert not (stack.state / "work").exists()


@pytest.mark.slow
def test_an_agent_that_is_told_to_end_is_shown_until_it_has(stack: Stack) -> None:
    """It may take its grace; when the whole stack is told to end, it is cut short."""
    supervisor = stack.up()
    stack.ask("ensure", **_WANTED, replicas=1)
    os.kill(until(lambda: stack.pid("worker 0"), "the agent"), signal.SIGSTOP)
    stack.ask("ensure", **{**_WANTED, "grace_s": 600}, replicas=0)
    assert until(lambda: stack.processes()["worker 0"]["state"], "it") == "stopping"
    supervisor.terminate()
    assert supervisor.wait(15) == 0


@pytest.mark.slow
def test_a_service_that_ignores_its_end_is_killed(stack: Stack) -> None:
    """Whoever is stopped has seconds, not for ever."""
    supervisor = stack.up()
    until(lambda: stack.pid("server"), "the server")
    os.kill(stack.pid("server"), signal.SIGSTOP)
    began = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait(15) == 0
    assert 4 < time.monotonic() - began < 10


def test_a_stack_that_nobody_uses_leaves(stack: Stack) -> None:
    """A touch keeps it, silence ends it."""
    supervisor = stack.up(FNQ_IDLE_TIMEOUT="0.8")
    began = time.monotonic()
    while time.monotonic() - began < 1.2:
        again_s = stack.ask("touch")["again_s"]
        assert again_s == 0.2
        time.sleep(again_s / 10)
    assert supervisor.poll() is None
    assert supervisor.wait(10) == 0
    assert not stack.runtime.exists()


def test_a_stack_whose_state_was_removed_leaves_in_order(stack: Stack) -> None:
    """Nothing could be kept any more; status answers until then, and no socket is left."""
    supervisor = stack.up(FNQ_IDLE_TIMEOUT="0.5")
    shutil.rmtree(stack.state)
    assert "cannot look at" in stack.processes()["redis"]["reason"]
    assert supervisor.wait(10) == 0
    assert not stack.runtime.exists()


@pytest.mark.parametrize("lost", ["state", "runtime"])
def test_a_stack_whose_directory_was_removed_soon_leaves_by_itself(stack: Stack, lost: str) -> None:
    """Nobody could reach it, or keep anything in it; the next one has the place."""
    supervisor = stack.up()
    stack.processes()
    shutil.rmtree(getattr(stack, lost))
    assert supervisor.wait(10) == 0
    assert not stack.runtime.exists()
    assert not stack.left()
    stack.up()


def test_two_started_at_once_end_with_one(stack: Stack) -> None:
    """The loser leaves without complaint, the winner serves both."""
    both = [stack.start(), stack.start()]
    ended = until(lambda: [each for each in both if each.poll() is not None], "one")
    assert [each.returncode for each in ended] == [0]
    until(stack.answers, "the door")
    assert stack.ask("ping", wait_s=20)["ready"]
    assert stack.pid("supervisor") in [each.pid for each in both if each not in ended]


@pytest.mark.slow
def test_a_stack_waits_for_the_one_that_leaves(stack: Stack) -> None:
    """It takes the place when the other has gone, and not before."""
    first = stack.up()
    os.kill(stack.pid("server"), signal.SIGSTOP)
    first.terminate()
    until(lambda: not stack.answers(), "the shut door")
    second = stack.up()
    assert first.wait(10) == 0
    assert second.poll() is None
    assert stack.pid("supervisor") == second.pid


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([*OPTIONS, "--program", "server=no_such_module"], "server does not start: ended with"),
        ([*OPTIONS, "--program", "server=json"], "has no attribute 'main'"),
    ],
)
def test_a_stack_that_cannot_come_up_says_why_and_leaves(
    stack: Stack, options: list[str], text: str
) -> None:
    """Whoever waits for it gets the reason, and the log has it too."""
    (Path(stack.state) / "empty").mkdir(parents=True)
    supervisor = stack.start(options)
    until(stack.answers, "the door")
    assert text in stack.ask("ping", wait_s=20)["error"]
    assert supervisor.wait(20) == 1
    assert "cannot start" in (stack.state / "logs" / "supervisor.log").read_text()
    assert not stack.runtime.exists()
