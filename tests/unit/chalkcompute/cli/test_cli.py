"""The `fnq` command as people and scripts use it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalkcompute.cli import down, main
from tests.unit.chalkcompute.cli.control_server import ControlServer, serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home where nothing runs, and no colours."""
    monkeypatch.setenv("FNQ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlServer]:
    """A server that FNQ_ADDR names."""
    servicer = ControlServer()
    with serving(servicer) as address:
        monkeypatch.setenv("FNQ_ADDR", address)
        yield servicer


def test_status_of_nothing_is_an_error_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1; with --json the object is there all the same."""
    assert main(["status"]) == 1
    assert "no stack runs on this machine; `fnq up`" in capsys.readouterr().err
    assert main(["status", "--json"]) == 1
    status = json.loads(capsys.readouterr().out)
    (problem,) = status.pop("problems")
    assert "no stack runs on this machine; `fnq up`" in problem
    assert status == {"processes": [], "parents": [], "functions": []}


@pytest.mark.usefixtures("server")
def test_status_as_json_has_the_promised_keys(capsys: pytest.CaptureFixture[str]) -> None:
    """Each process has its role, id and address; workers and runners what they run."""
    assert main(["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    keys = {"role", "pid", "address", "function", "version", "replica", "busy"}
    assert all(keys <= entry.keys() for entry in status["processes"])
    assert status["processes"][1]["busy"] == 3
    assert status["functions"][0]["name"] == "add"


@pytest.mark.usefixtures("server")
def test_status_for_people_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that are not acted on are named beside their function."""
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("ROLE", "PID", "STATE", "FUNCTION", "VERSION", "REPLICA", "BUSY", "ADDRESS"),
    ]
    assert lines[2].split() == ["worker", "71", "ready", "add", "abc", "1", "3"]
    assert [
        "add",
        "4",
        "abc",
        "5",
        "2",
        *("1", "of", "3,", "2", "starting,", "1", "cordoned"),
        "api:",
        "2",
        "at",
        "once;",
        "2",
        "run,",
        "5",
        "wait",
        "gpu",
    ] in [line.split() for line in lines]


def test_logs_are_lines_with_time_function_and_call(
    server: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is asked for reaches the server."""
    assert main(["logs", "add", "--call", "00ff", "--tail", "7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "add 0c0d0e0f to stdout",
        "add 0c0d0e0f to stderr",
    ]
    asked = server.asked[0]
    assert (asked.function, asked.call, asked.tail, asked.follow) == ("add", "00ff", 7, False)


@pytest.mark.parametrize("command", ["status", "logs"])
def test_a_wrong_token_is_one_line(
    server: ControlServer, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """No traceback, exit code 1, and the setting that is wrong."""
    server.token = "sesame"
    assert main([command]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_token_is_shown_to_the_server(
    server: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FNQ_TOKEN opens what needs it."""
    server.token = "sesame"
    monkeypatch.setenv("FNQ_TOKEN", "sesame")
    assert main(["status", "--json"]) == 0


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("127.0.0.1:1", "no server answers at 127.0.0.1:1"),
        ("consul://127.0.0.1:1", "Consul at 127.0.0.1:1 does not answer"),
        ("nonsense", "FNQ_ADDR"),
    ],
)
@pytest.mark.parametrize("command", ["status", "logs"])
def test_an_address_where_no_server_is_gets_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    address: str,
    text: str,
) -> None:
    """It names the address and where it came from."""
    monkeypatch.setenv("FNQ_ADDR", address)
    assert main([command]) == 1
    said = capsys.readouterr().err
    assert said.startswith("fnq: ")
    assert text in said
    assert said.count("\n") == 1


@pytest.mark.usefixtures("server")
def test_up_starts_nothing_where_a_server_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the setting."""
    assert main(["up"]) == 1
    assert "FNQ_ADDR" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["logs", "--tail", "0"], ["logs", "--tail", "x"], ["dance"], []])
def test_a_misused_command_exits_with_two(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The usage is shown."""
    with pytest.raises(SystemExit, match="2"):
        main(argv)
    assert "usage: fnq" in capsys.readouterr().err


def test_the_command_loads_no_grpc_to_start() -> None:
    """`fnq status` with nothing running imports neither grpc nor asyncio nor pyarrow."""
    code = (
        "import sys; from chalkcompute.cli import main; main(['status'])\n"
        "print(sorted({'grpc', 'asyncio', 'pyarrow', 'google.protobuf'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.integration
def test_a_stack_is_started_shown_and_stopped() -> None:
    """Up twice is fine, status names every role within two seconds, down twice is fine."""
    assert _fnq("up").returncode == _fnq("up").returncode == 0
    began = time.monotonic()
    status = _fnq("status", "--json")
    assert time.monotonic() - began < 2.0
    processes = json.loads(status.stdout)["processes"]
    roles = {entry["role"] for entry in processes}
    assert roles == {"supervisor", "redis", "server", "consumer"}
    parents = json.loads(status.stdout)["parents"]
    assert {entry["role"] for entry in parents} == {"forge", "zygote"}
    assert _fnq("logs").returncode == 0
    assert _fnq("down").stdout == "down\n"
    assert not any(os.path.exists(entry["address"].removeprefix("unix:")) for entry in processes)
    assert _fnq("down").stdout == "the stack was not running\n"


def test_logs_of_a_stack_that_does_not_run_come_with_the_next_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nobody can be asked for them now."""
    assert main(["logs", "add"]) == 1
    assert "are shown once `fnq up`" in capsys.readouterr().err


def test_a_stack_that_lost_its_sockets_is_no_stack_that_does_not_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the lock lives: `status` says so, `down` waits for its end or names the lock."""
    monkeypatch.setattr(down, "_LONGEST_S", 0.1)
    lock = Path(os.environ["FNQ_HOME"]) / "lock"
    lock.parent.mkdir()
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert main(["status"]) == 1
        assert "no socket in" in capsys.readouterr().err
        assert main(["down"]) == 1
        assert str(lock) in capsys.readouterr().err
        monkeypatch.setattr(down, "_LONGEST_S", 30.0)
        monkeypatch.setattr(time, "sleep", lambda _s: file.close())
        assert main(["down"]) == 0
    assert capsys.readouterr().out == "down\n"


@pytest.mark.integration
@pytest.mark.usefixtures("server")
def test_ctrl_c_ends_a_follower_quietly() -> None:
    """Nothing on standard error, and the shell sees a program that was interrupted."""
    pipe = subprocess.PIPE
    with subprocess.Popen(_argv("logs", "-f"), stdout=pipe, stderr=pipe, text=True) as follower:
        assert follower.stdout is not None
        said = follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        assert follower.communicate()[1] == ""
    assert "to stdout" in said
    assert follower.returncode == -signal.SIGINT


@pytest.mark.integration
@pytest.mark.parametrize("rudely", [False, True])
def test_a_follower_outlives_its_server(server: ControlServer, rudely: bool) -> None:
    """It goes on until Ctrl-C, shows no line twice, and misses none."""
    server.hangs_up, server.rudely = 2, rudely
    server.later = [("stdout", "same"), ("stdout", "same"), ("stdout", "odd")]
    pipe = subprocess.PIPE
    with subprocess.Popen(_argv("logs", "-f"), stdout=pipe, stderr=pipe, text=True) as follower:
        assert follower.stdout is not None
        said = [follower.stdout.readline().split()[-1] for _ in range(8)]
        follower.send_signal(signal.SIGINT)
        rest, complaints = follower.communicate()
    assert said == ["stdout", "stderr", "same", "same", "odd", "same", "same", "odd"]
    assert rest == ""
    assert complaints == "fnq: the server is away; waiting for it\n" * (2 if rudely else 0)
    assert follower.returncode == -signal.SIGINT


@pytest.mark.integration
def test_a_follower_of_nothing_waits_for_what_comes() -> None:
    """A stack without functions, then one, then the stack goes and comes back."""
    assert _fnq("up").returncode == 0
    pipe = subprocess.PIPE
    with subprocess.Popen(_argv("logs", "-f"), stdout=pipe, stderr=pipe, text=True) as follower:
        assert follower.stdout is not None
        try:
            for word in ("one", "two"):
                script = "import chalkcompute\n@chalkcompute.function\ndef f() -> None:\n"
                _run_script(script + f"    print('{word}')\nf()\n")
                assert follower.stdout.readline().split()[-1] == word
                if word == "one":
                    assert _fnq("down").returncode == 0
        finally:
            follower.send_signal(signal.SIGINT)
            follower.communicate()
            assert _fnq("down").returncode == 0


def _run_script(text: str) -> None:
    path = os.path.join(os.environ["TMPDIR"], "script.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        subprocess.run([sys.executable, path], check=True, timeout=60)
    finally:
        os.unlink(path)


def _argv(*words: str) -> list[str]:
    return [
        sys.executable,
        "-c",
        "import sys; from chalkcompute.cli import main; sys.exit(main())",
        *words,
    ]


def _fnq(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(_argv(*words), capture_output=True, text=True, timeout=40)


def test_every_command_takes_the_server_and_the_namespace_as_arguments(
    server: ControlServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They go before the environment; commands about this machine's stack take none."""
    address = os.environ["FNQ_ADDR"]
    monkeypatch.setenv("FNQ_ADDR", "localhost:1")
    monkeypatch.setenv("FNQ_NAMESPACE", "other")
    assert main(["status", "--addr", address, "--namespace", "mine"]) == 0
    assert main(["logs", "--addr", address, "--namespace", "mine"]) == 0
    assert [each.namespace for each in server.asked] == ["mine", "mine"]
    assert main(["status", "--addr", "nowhere"]) == 1
    assert "addr (from argument)" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["down", "--namespace", "mine"])
