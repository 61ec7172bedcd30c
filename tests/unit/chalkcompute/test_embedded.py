"""The embedded stack, as a script starts and finds it; its services are stand-ins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalkcompute import embedded
from chalkcompute.config import Config
from chalkcompute.embedded import Place
from chalkcompute.errors import NotReadyError, StackError
from fnq_local import proc
from tests.unit.fnq_local.stack import OPTIONS, STANDINS, until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A home where nothing runs; whatever a test starts there has ended after it."""
    monkeypatch.setenv("FNQ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(STANDINS))
    found = embedded.locate()
    yield found
    embedded.ask(found, "down", 30)
    # One that is ending already, as it could not start, answers no more.
    until(lambda: not embedded.held(found), "the end of the supervisor")
    assert not os.path.exists(found.door)


def _pids(place: Place) -> list[int]:
    status = embedded.ask(place, "status", 5)
    assert status is not None
    return [entry["pid"] for entry in status["processes"] if entry["pid"]]


def test_the_state_lies_where_the_environment_says(tmp_path: Path) -> None:
    """FNQ_HOME wins over XDG_STATE_HOME, that over the home; relative XDG paths do not count."""
    home = {"HOME": str(tmp_path)}
    state = {"XDG_STATE_HOME": str(tmp_path)}
    assert embedded.locate({**home, **state, "FNQ_HOME": "/x"}).state == "/x"
    assert embedded.locate({**home, **state}).state == f"{tmp_path}/fnq"
    assert embedded.locate({"XDG_STATE_HOME": "state"}).state.endswith("/.local/state/fnq")


def test_sockets_lie_where_their_paths_are_short_enough(tmp_path: Path) -> None:
    """The session's runtime directory is preferred; each state directory has its own below."""
    one = embedded.locate({"FNQ_HOME": "/x", "XDG_RUNTIME_DIR": "/tmp"}).runtime
    two = embedded.locate({"FNQ_HOME": "/y", "XDG_RUNTIME_DIR": "/tmp"}).runtime
    assert one.startswith("/tmp/fnq-")
    assert one != two
    long = tmp_path / ("x" * 80)
    long.mkdir()
    for variables in ({"XDG_RUNTIME_DIR": str(long)}, {"TMPDIR": str(long)}, {}):
        found = embedded.locate({"FNQ_HOME": "/x", **variables})
        assert found.runtime.startswith(f"/tmp/fnq-{os.getuid()}-")
        assert len(found.door) < 100


def test_a_running_stack_is_where_it_says(tmp_path: Path) -> None:
    """Whatever the environment says now; a note that leads nowhere does not count."""
    state, runtime = tmp_path / "state", tmp_path / "elsewhere"
    state.mkdir()
    runtime.mkdir(mode=0o700)
    (state / "lock").write_text(str(runtime))
    environ = {"FNQ_HOME": str(state)}
    usual = embedded.locate(environ).runtime
    assert usual != str(runtime)
    (runtime / "supervisor.sock").touch()
    assert embedded.locate(environ).runtime == str(runtime)
    assert embedded.locate({**environ, "XDG_RUNTIME_DIR": "/tmp"}).runtime == str(runtime)
    runtime.chmod(0o755)
    assert embedded.locate(environ).runtime == usual
    (state / "lock").write_bytes(b"\xff\x00relative")
    assert embedded.locate(environ).runtime == usual


def test_one_directory_is_one_place_by_whatever_name(tmp_path: Path) -> None:
    """A link to the state directory leads to the same sockets."""
    (tmp_path / "link").symlink_to(tmp_path)
    names = (str(tmp_path), str(tmp_path / "link"))
    assert len({embedded.locate({"FNQ_HOME": name}) for name in names}) == 1


def test_nobody_answers_where_nothing_runs(place: Place) -> None:
    """Asking starts nothing and makes nothing."""
    assert embedded.ask(place, "status", 1) is None
    assert not os.path.exists(place.state)


def test_a_directory_that_others_can_enter_is_not_trusted(place: Place) -> None:
    """Whoever listens there may be anybody."""
    os.makedirs(place.runtime, mode=0o777)
    os.chmod(place.runtime, 0o711)
    assert embedded.ask(place, "ping", 1) is None
    os.rmdir(place.runtime)


@pytest.mark.integration
def test_the_first_use_starts_a_stack_and_the_next_finds_it(place: Place) -> None:
    """The address is that of the server; the same processes serve the second user."""
    address = embedded.ensure(Config(), supervisor_options=OPTIONS)
    assert address == f"unix:{place.runtime}/server.sock"
    pids = _pids(place)
    assert embedded.ensure(Config(), supervisor_options=OPTIONS) == address
    assert _pids(place) == pids


@pytest.mark.integration
def test_a_stack_is_found_from_another_environment(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other directories for sockets and temporary files: the same state is the same stack."""
    address = embedded.ensure(Config(), supervisor_options=OPTIONS)
    pids = _pids(place)
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    assert embedded.ensure(Config(), supervisor_options=OPTIONS) == address
    assert embedded.locate() == place
    os.kill(pids[0], signal.SIGKILL)
    # What is left of it is found as well, and ended.
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    assert not any(proc.began(pid) for pid in pids)
    assert embedded.ask(embedded.locate(), "down", 30) is not None


@pytest.mark.integration
def test_two_environments_that_start_at_once_end_with_one_stack(
    place: Place,
) -> None:
    """Who comes second is led to the first."""
    code = (
        "from chalkcompute import embedded\n"
        "from chalkcompute.config import Config\n"
        f"print(embedded.ensure(Config(), supervisor_options={OPTIONS!r}))\n"
    )
    pipe = subprocess.PIPE
    scripts = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                "XDG_RUNTIME_DIR": tempfile.mkdtemp(dir=os.environ["XDG_RUNTIME_DIR"]),
            },
            stdout=pipe,
            text=True,
        )
        for _ in range(4)
    ]
    said = {script.communicate(timeout=40)[0] for script in scripts}
    assert [script.returncode for script in scripts] == [0] * 4
    assert len(said) == 1
    answer = embedded.ask(embedded.locate(), "down", 30)
    assert answer is not None
    until(lambda: proc.began(answer["pid"]) is None, "the end of the supervisor")


@pytest.mark.integration
def test_many_first_users_at_once_end_with_one_stack(place: Place) -> None:
    """Each gets its address, and there is one supervisor."""
    code = (
        "from chalkcompute import embedded\n"
        "from chalkcompute.config import Config\n"
        f"print(embedded.ensure(Config(), supervisor_options={OPTIONS!r}))\n"
    )
    scripts = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(5)
    ]
    said = {script.communicate(timeout=30)[0] for script in scripts}
    assert said == {f"unix:{place.runtime}/server.sock\n"}
    assert [script.returncode for script in scripts] == [0] * 5
    status = embedded.ask(place, "status", 5)
    assert status is not None
    assert sum(entry["role"] == "supervisor" for entry in status["processes"]) == 1


@pytest.mark.integration
def test_a_stack_outlives_the_script_that_started_it(place: Place) -> None:
    """It is not the script's child, holds none of its files and not its directory."""
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    status = embedded.ask(place, "status", 5)
    assert status is not None
    pid = status["pid"]
    assert pid not in proc.children(os.getpid())
    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/cwd") == place.state
    assert os.readlink(f"/proc/{pid}/fd/1") == place.log


@pytest.mark.integration
def test_a_killed_stack_is_taken_over(place: Place) -> None:
    """What it left in the runtime directory does not stop the next."""
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    pids = _pids(place)
    os.kill(pids[0], signal.SIGKILL)
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    assert not set(_pids(place)) & set(pids)
    assert not any(proc.began(pid) for pid in pids)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([*OPTIONS, "--program", "server=no_such_module"], "server does not start: ended with"),
        (["--program", "cook=kitchen"], "no such role: cook"),
    ],
)
def test_a_stack_that_cannot_start_says_why_at_once(
    place: Place, options: list[str], text: str
) -> None:
    """The reason reaches the script that wanted it."""
    with pytest.raises(StackError, match=text):
        embedded.ensure(Config(), supervisor_options=options)


@pytest.mark.integration
def test_a_bad_setting_reaches_the_script(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    monkeypatch.setenv("FNQ_IDLE_TIMEOUT", "later")
    with pytest.raises(StackError, match="FNQ_IDLE_TIMEOUT should be seconds"):
        embedded.ensure(Config(), supervisor_options=OPTIONS)


@pytest.mark.integration
def test_a_bad_place_reaches_the_script(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A taken runtime directory and a state that cannot be made are named with the remedy."""
    os.symlink("/nowhere", place.runtime)
    with pytest.raises(StackError, match=r"symbolic link.*XDG_RUNTIME_DIR"):
        embedded.ensure(Config(), supervisor_options=OPTIONS)
    os.unlink(place.runtime)
    monkeypatch.setenv("FNQ_HOME", "/proc/nowhere")
    with pytest.raises(StackError, match=r"cannot make /proc/nowhere.*FNQ_HOME"):
        embedded.ensure(Config(), supervisor_options=OPTIONS)


@pytest.mark.integration
def test_a_stack_that_is_not_up_in_time_is_named(place: Place) -> None:
    """The error names what is waited for and the log; the stack may still come up."""
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    status = embedded.ask(place, "status", 5)
    assert status is not None
    server = next(entry["pid"] for entry in status["processes"] if entry["role"] == "server")
    os.kill(server, signal.SIGKILL)
    os.kill(status["pid"], signal.SIGSTOP)
    try:
        with pytest.raises(NotReadyError, match=r"did not answer 'ping' .*supervisor\.log"):
            embedded.ensure(Config(), timeout_s=0.2, supervisor_options=OPTIONS)
    finally:
        os.kill(status["pid"], signal.SIGCONT)


@pytest.mark.integration
@pytest.mark.timeout(20)
def test_a_python_that_hangs_at_its_start_is_not_waited_for(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-out holds also then, and nothing is left of it."""
    (tmp_path / "sitecustomize.py").write_text("import signal\nsignal.pause()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = proc.children(os.getpid())
    with pytest.raises(NotReadyError, match=r"not up after 0\.3 s.*supervisor\.log"):
        embedded.ensure(Config(), timeout_s=0.3)
    assert proc.children(os.getpid()) == before


@pytest.mark.integration
def test_another_python_is_told_whose_packages_are_used(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error names both, once however often a process comes back."""
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    assert capsys.readouterr().err == ""
    ours = sys.prefix
    monkeypatch.setattr(sys, "prefix", "/other/venv")
    for _ in range(2):
        embedded.ensure(Config(), supervisor_options=OPTIONS)
    told = capsys.readouterr().err
    assert told.startswith("[fnq] ")
    assert told.count("\n") == 1
    assert f"uses the packages of {ours}, not of /other/venv" in told


@pytest.mark.integration
def test_another_builder_of_images_is_told_with_the_remedy(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack that runs stays as it was started."""
    embedded.ensure(Config(), supervisor_options=OPTIONS)
    for _ in range(2):
        embedded.ensure(Config(builder="docker"), supervisor_options=OPTIONS)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "makes images with environments, not docker: `fnq down`" in told
