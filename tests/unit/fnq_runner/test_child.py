"""What a fresh runner has, and what it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_wire.pipe import Kind, read_json
from tests.apart import can_mount
from tests.unit.fnq_runner.agent import Agent, Start, bundle


def test_a_runner_has_no_descriptor_but_its_own(start: Start) -> None:
    """Nothing at 0, its outputs at 1 and 2, the pipe at 3, and what the runner itself opened."""
    source = """
    import os
    def f(a):
        found = {}
        for name in sorted(os.listdir('/dev/fd'), key=int):
            try: found[int(name)] = os.readlink(f'/dev/fd/{name}').split(':')[0]
            except OSError: pass
        return found
    """
    found = start(source).run(1).value
    assert found[0] == "/dev/null"
    assert [found[number] for number in (1, 2, 3)] == ["pipe", "pipe", "socket"]
    assert set(found.values()) == {"/dev/null", "pipe", "socket"}
    assert list(found.values()).count("socket") == 1


def test_what_a_runner_starts_does_not_inherit_the_pipe(start: Start) -> None:
    """A program that user code starts sees the three standard descriptors."""
    source = """
    import subprocess
    def f(a): return subprocess.run(['ls', '/dev/fd'], stdout=-1, text=True).stdout
    """
    assert start(source).run(1).value.split() == ["0", "1", "2", "3"]


def test_a_runner_has_a_group_and_a_name_of_its_own(start: Start) -> None:
    """So that it can be killed with what it started, and be told from others."""
    source = "import os\ndef f(a): return [os.getpgid(0), open('/proc/self/comm').read()]"
    agent = start(source)
    assert agent.run(1).value == [agent.pid, "fnq-runner\n"]


def test_a_runner_has_the_order_s_environment_and_directory(zygote: Path, tmp_path: Path) -> None:
    """Variables are added, None takes one away, and the working directory is the given one."""
    source = "import os\ndef f(a): return [*map(os.environ.get, ('A', 'HOME')), os.getcwd()]"
    order = {"env": {"A": "1", "HOME": None}, "cwd": str(tmp_path)}
    agent = Agent(zygote, bundle(tmp_path / "b", source), order=order).ready()
    assert agent.run(1).value == ["1", None, str(tmp_path)]
    agent.close()


@pytest.mark.parametrize(("expendable", "more"), [(True, 500), (False, 0)])
def test_a_runner_that_is_expendable_is_killed_first_where_memory_runs_out(
    zygote: Path, tmp_path: Path, expendable: bool, more: int
) -> None:
    """With what it starts: the kernel takes it for larger than it is."""
    source = """
    import subprocess
    def f(a): return subprocess.run(['cat', '/proc/self/oom_score_adj'], stdout=-1).stdout
    """
    root, order = bundle(tmp_path / "b", source), {"expendable": expendable}
    agent = Agent(zygote, root, order=order).ready()
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(agent.run(1).value) == min(1000, ours + more)
    agent.close()


def test_a_runner_sees_what_its_order_mounts(zygote: Path, tmp_path: Path) -> None:
    """At paths that the machine has not; its working directory and its bundle are as ever."""
    if why := can_mount():
        pytest.skip(reason=why)
    (tmp_path / "volume").mkdir()
    source = """
    import os
    def f(a):
        with open('/fnq-models/deep/x', 'w') as file: file.write(a)
        return [os.listdir('/fnq-models/deep'), os.getcwd(), os.path.dirname(__file__)]
    """
    root = bundle(tmp_path / "b", source)
    order = {"mounts": [[str(tmp_path / "volume"), "/fnq-models/deep", "rw"]], "cwd": str(root)}
    agent = Agent(zygote, root, order=order).ready()
    assert agent.run("hi").value == [["x"], str(root), str(root)]
    agent.close()
    assert (tmp_path / "volume" / "x").read_text() == "hi"
    assert not Path("/fnq-models").exists()


@pytest.mark.parametrize(
    "order",
    [
        {"cwd": "/no/such/directory"},
        {"env": {"A": 1}},
    ],
)
def test_an_order_that_cannot_be_met_ends_the_runner(
    zygote: Path, tmp_path: Path, order: dict[str, object]
) -> None:
    """Its exit code says that it was no fault of the user's, its stderr which."""
    agent = Agent(zygote, bundle(tmp_path / "b", ""), order=order)
    assert agent.exited()["code"] == 70
    assert b"Error" in agent.printed()
    agent.close()


def test_a_runner_that_cannot_mount_says_so_to_its_agent(zygote: Path, tmp_path: Path) -> None:
    """So that it is no death, which would be tried again: the function cannot run here."""
    order = {"mounts": [[str(tmp_path), "/etc/passwd", "rw"]]}
    agent = Agent(zygote, bundle(tmp_path / "b", ""), order=order)
    said = read_json(agent.frame(Kind.BROKEN))
    assert said["error"] == "UnschedulableError"
    assert said["message"]
    assert agent.exited()["code"] == 3
    agent.close()


def test_signals_are_as_in_any_program(start: Start) -> None:
    """SIGTERM ends a runner, and what it starts is not born deaf to anything."""
    source = """
    import subprocess
    def f(a):
        script = "import signal as s; print(int(s.getsignal(15)), int(s.getsignal(10)))"
        import sys
        return subprocess.run([sys.executable, '-c', script], stdout=-1, text=True).stdout
    """
    assert start(source).run(1).value.split() == ["0", "0"]
