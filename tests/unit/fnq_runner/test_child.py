"""What a fresh runner has, and what it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize("order", [{"cwd": "/no/such/directory"}, {"env": {"A": 1}}])
def test_an_order_that_cannot_be_met_ends_the_runner(
    zygote: Path, tmp_path: Path, order: dict[str, object]
) -> None:
    """Its exit code says that it was no fault of the user's, its stderr which."""
    agent = Agent(zygote, bundle(tmp_path / "b", ""), order=order)
    assert agent.exited()["code"] == 70
    assert b"Error" in agent.printed()
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
