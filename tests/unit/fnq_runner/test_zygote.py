"""The zygote: forks for many agents, and nothing that an agent does delays another."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fnq_wire.pipe import Kind
from tests.unit.fnq_runner.agent import Agent, Start, bundle
from tests.unit.fnq_runner.zygote import PATIENCE, Zygote, until, zygote_at

FOREVER = "import time\ndef f(a):\n    print('in')\n    time.sleep(1000)"


def gone(pid: int) -> bool:
    """Return whether there is no such process."""
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_agent_can_end_its_runner(start: Start, number: int) -> None:
    """A signal goes to the runner's group, and its end is told once."""
    agent = start(FOREVER)
    agent.dispatch(1)
    agent.frame(Kind.LOG)
    agent.zygote.say(kill=agent.token, signal=int(number))
    assert agent.exited()["signal"] == number


def test_the_interrupting_signal_spares_what_the_runner_started(start: Start) -> None:
    """SIGUSR1, which ends a program that does not expect it, goes to the runner alone."""
    source = """
    import subprocess
    def f(a):
        with subprocess.Popen(['cat'], stdin=-1, stdout=-1) as child:
            print('in')
            child.stdin.write(b'x'); child.stdin.close()
            input_, = iter(lambda: child.stdout.read(1) or None, None)
            return child.wait()
    """
    agent = start(source)
    agent.zygote.say(kill=agent.token, signal=int(signal.SIGUSR1))
    assert agent.run(1).value == 0


def test_a_connection_that_ends_takes_its_runners_along(zygote: Path, tmp_path: Path) -> None:
    """Runners of a closed connection are killed; those of another one stay."""
    root = bundle(tmp_path, FOREVER)
    leaving, staying = Agent(zygote, root).ready(), Agent(zygote, root).ready()
    leaving.close()
    until(lambda: gone(leaving.pid))
    assert not gone(staying.pid)
    staying.close()
    until(lambda: gone(staying.pid))


def test_a_runner_dies_with_the_zygote(tmp_path: Path) -> None:
    """A zygote that is killed leaves no runner behind."""
    path = tmp_path / "z"
    process = subprocess.Popen([sys.executable, "-m", "fnq_runner", "--zygote", str(path)])
    until(path.exists)
    agent = Agent(path, bundle(tmp_path / "b", "def f(a): ...")).ready()
    process.kill()
    process.wait(PATIENCE)
    until(lambda: gone(agent.pid))
    agent.close()


def test_a_zygote_that_is_tied_ends_when_its_input_does(tmp_path: Path) -> None:
    """However whoever started it has ended; what it is told there does not matter."""
    path = tmp_path / "z"
    command = [sys.executable, "-m", "fnq_runner", "--zygote", str(path), "--tied"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        until(path.exists)
        agent = Agent(path, bundle(tmp_path / "b", "def f(a): ...")).ready()
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
        assert not gone(agent.pid)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0
        until(lambda: gone(agent.pid))
        agent.close()
    assert not path.exists()


def test_a_zygote_that_is_tied_ends_when_its_directory_is_gone(tmp_path: Path) -> None:
    """Whoever holds its input may have forgotten it."""
    house = tmp_path / "cell"
    house.mkdir()
    path = house / "z"
    command = [sys.executable, "-m", "fnq_runner", "--zygote", str(path), "--tied"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        until(path.exists)
        shutil.rmtree(house)
        assert process.wait(PATIENCE) == 0


def test_runners_start_where_their_zygote_does_if_it_says_so(tmp_path: Path) -> None:
    """Whatever their agents ask for."""
    path, here = tmp_path / "z", tmp_path / "here"
    here.mkdir()
    command = [sys.executable, "-m", "fnq_runner", "--zygote", str(path), "--here"]
    with subprocess.Popen(command, cwd=here) as process:
        until(path.exists)
        source = "import os\ndef f(a): return os.getcwd()"
        agent = Agent(path, bundle(tmp_path / "b", source)).ready()
        assert agent.run(1).value == str(here)
        agent.close()
        process.terminate()


def test_a_zygote_that_is_told_to_end_takes_all_along(tmp_path: Path) -> None:
    """SIGTERM kills the runners, removes the socket, and the exit code is 0."""
    with zygote_at(tmp_path / "z") as path:
        agent = Agent(path, bundle(tmp_path / "b", "def f(a): ...")).ready()
    assert gone(agent.pid)
    agent.close()


def test_a_zygote_has_no_credentials_whoever_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does /proc show any of it: a runner could read them there."""
    consul = ("CONSUL_HTTP_AUTH", "CONSUL_HTTP_TOKEN")
    redis = ("REDIS_PASSWORD", "REDIS_URL")
    for name in ("FNQ_TOKEN", "NOMAD_TOKEN", "VAULT_TOKEN", *consul, *redis):
        monkeypatch.setenv(name, "hunter2")
    with zygote_at(tmp_path / "z") as path:
        agent = Agent(path, bundle(tmp_path / "b", "def f(a): ...")).ready()
        status = Path(f"/proc/{agent.pid}/status").read_text()
        zygote = next(line.split()[1] for line in status.splitlines() if line.startswith("PPid"))
        for pid in (agent.pid, zygote):
            assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
        agent.close()


def test_the_socket_is_for_one_user(tmp_path: Path) -> None:
    """Nobody else can connect, and a stale socket in its place is replaced."""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "z"))
    with zygote_at(tmp_path / "z", stale=True) as path:
        assert path.stat().st_mode & 0o777 == 0o600


BAD: dict[str, Callable[[Zygote], None]] = {
    "no JSON": lambda z: z.sock.sendall(b"nonsense\n"),
    "no object": lambda z: z.sock.sendall(b"[1]\n"),
    "no order": lambda z: z.say(hello=1),
    "no descriptors": lambda z: z.say(fork="a", env={}, cwd="/"),
    "no token": lambda z: z.say(kill=[], signal=9),
    "no end": lambda z: z.sock.sendall(b" " * (5 << 20)),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_an_order_ends_the_connection(zygote: Path, start: Start, what: str) -> None:
    """The connection that sent it is closed; the zygote goes on with the others."""
    agent, bad = start("def f(a): return a"), Zygote(zygote)
    try:
        BAD[what](bad)
        assert bad.sock.recv(1) == b""
    except (BrokenPipeError, ConnectionResetError):
        pass
    bad.close()
    assert agent.run(1).value == 1


def test_an_unknown_token_is_not_an_error(start: Start) -> None:
    """An order to kill may cross the news that the runner has ended."""
    agent = start("def f(a): return a")
    agent.zygote.say(kill="nobody", signal=9)
    assert agent.run(1).value == 1


def test_an_agent_that_does_not_read_delays_nobody(zygote: Path, tmp_path: Path) -> None:
    """With news piled up for one agent another still gets its runner."""
    lazy = Zygote(zygote)
    lazy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    pair, devnull = socket.socketpair(), os.open(os.devnull, os.O_WRONLY)
    pair[0].close()
    for number in range(120):
        line = json.dumps({"fork": f"{number}-" + "x" * 3000, "env": {}, "cwd": "/"}).encode()
        socket.send_fds(lazy.sock, [line + b"\n"], [pair[1].fileno(), devnull, devnull])
    agent = Agent(zygote, bundle(tmp_path, "def f(a): return a")).ready()
    assert agent.run(1).value == 1
    agent.close()
    seen = [lazy.until(lambda news: "exited" in news) for _ in range(120)]
    assert len({news["exited"] for news in seen}) == 120
    lazy.close()
    pair[1].close()
    os.close(devnull)


def test_a_zygote_serves_the_connection_that_it_inherits(tmp_path: Path) -> None:
    """Given a number it serves that one agent, and ends when the agent does."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "fnq_runner", "--zygote", str(theirs.fileno())]
    environment = {**os.environ, "FNQ_TOKEN": "secret", "KEPT": "1"}
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environment)
    theirs.close()
    source = "def f(a): return open('/proc/self/environ').read() + open('/proc/%d/environ'"
    source = f"import os\n{source} % os.getppid()).read()"
    agent = Agent(ours, bundle(tmp_path, source)).ready()
    shown = agent.run(1).value
    assert "KEPT" in shown
    assert "secret" not in shown
    agent.close()
    assert process.wait(PATIENCE) == 0


def test_heavy_modules_are_imported_when_there_is_time(tmp_path: Path) -> None:
    """A zygote in peace imports pyarrow, so that runners that need it have it."""
    source = "import sys\nhad = 'pyarrow' in sys.modules\ndef f(a): return had"
    root = bundle(tmp_path / "b", source)

    def had() -> bool:
        agent = Agent(path, root).ready()
        found: bool = agent.run(1).value
        agent.close()
        return found

    with zygote_at(tmp_path / "z") as path:
        assert not had()
        until(lambda: b"libarrow.so" in mapped(path))
        assert had()


def mapped(path: Path) -> bytes:
    """Return the memory map of the zygote at `path`."""
    for entry in Path("/proc").iterdir():
        try:
            if str(path).encode() in (entry / "cmdline").read_bytes():
                return (entry / "maps").read_bytes()
        except OSError:
            continue
    return b""


_UNASKED = """
import socket
from fnq_runner import zygote

zygote.QUIET = 0.001
ours, theirs = socket.socketpair()
alone = zygote.Zygote(listener=None, agent=theirs, prepare=lambda: print("prepared"))
select, looks = alone._selector.select, []

def look(timeout):
    looks.append(timeout)
    if len(looks) == 5:
        ours.close()
    return select(timeout)

alone._selector.select = look
alone.serve()
print(len(looks) >= 5)
"""


def test_a_zygote_of_one_agent_does_nothing_else_before_the_first_runner() -> None:
    """However long its agent takes to load: the order would find it busy."""
    done = subprocess.run([sys.executable, "-c", _UNASKED], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
