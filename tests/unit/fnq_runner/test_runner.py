"""The life of a runner: import, environment, exits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fnq_wire.pipe import CUT_OFF, Kind, encode, read_json
from tests.unit.fnq_runner.agent import CODEC, Start
from tests.unit.fnq_runner.zygote import until

BROKEN = {
    "import no_such_module": ("ModuleNotFoundError", "no_such_module", "line 2"),
    "1 / 0": ("ZeroDivisionError", "division", "line 2"),
    "raise SystemExit(3)": ("SystemExit", "3", "line 2"),
    "def": ("SyntaxError", "invalid", "line 2"),
    "f = 3": ("DeployError", "not a function", ""),
    "del f": ("DeployError", "'f'", ""),
}


@pytest.mark.parametrize("line", BROKEN)
def test_a_module_that_fails_to_import_is_told(start: Start, line: str) -> None:
    """BROKEN carries type, message and the line of the user's module; then the runner leaves."""
    agent = start(f"def f(a): ...\n{line}", ready=False)
    failure: dict[str, Any] = read_json(agent.frame(Kind.BROKEN))
    kind, text, place = BROKEN[line]
    assert failure["exception_type"] == kind
    assert text in failure["message"]
    assert place in failure["traceback"]
    assert "importlib" not in failure["traceback"]
    assert failure["detail"].get("missing", "") == ("no_such_module" if "import" in line else "")
    assert agent.exited()["code"] == 3


def test_the_function_of_a_decorator_is_its_body(start: Start) -> None:
    """A decorated function runs here, it does not call itself elsewhere."""
    source = "import chalkcompute\n@chalkcompute.function(cpu=2)\ndef f(a): return a + 1"
    assert start(source).run(1).value == 2


def test_variables_are_set_before_the_import(start: Start) -> None:
    """The module finds what HELLO says in its environment."""
    agent = start("import os\nX = os.environ['X']\ndef f(a): return X", env={"X": "1"})
    assert agent.run(0).value == "1"


def test_a_time_zone_is_one_of_them(start: Start) -> None:
    """Local time is that of TZ, as in a process that was started with it."""
    agent = start("import time\ndef f(a): return time.tzname[0]", env={"TZ": "XYZ-3"})
    assert agent.run(0).value == "XYZ"


@pytest.mark.parametrize("kind", ["function", "coroutine"])
def test_a_module_may_call_while_it_is_imported(start: Start, kind: str) -> None:
    """A nested call at import is a root call, and blocks the import until it is answered."""
    source = "import chalkcompute\n@chalkcompute.function\ndef g(a): ...\nX = g(1)\n"
    source += "async def f(a): return X" if kind == "coroutine" else "def f(a): return X"
    agent = start(source, ready=False, kind=kind)
    child = agent.frame(Kind.SUBMIT)
    assert child.number == 0
    agent.say(encode(Kind.CHILD_VALUE, child.call, body=CODEC.encode_result("early")))
    assert agent.ready().run(0).value == "early"


def test_a_runner_whose_agent_has_gone_leaves(start: Start) -> None:
    """The end of the pipe is the end of the runner."""
    agent = start("def f(a): ...")
    agent.sock.close()
    assert agent.exited()["code"] == CUT_OFF


def test_a_frame_that_is_none_is_the_end_of_a_runner(start: Start) -> None:
    """A corrupt pipe cannot be read on: the runner says so and leaves."""
    agent = start("def f(a): ...")
    agent.sock.sendall(b"\xff" * 64)
    assert agent.exited()["code"] == 70
    assert b"not a frame" in agent.printed()


def test_a_crash_in_native_code_shows_where(start: Start) -> None:
    """The signal is told, and the Python stack is on stderr."""
    agent = start("import faulthandler\ndef f(a): faulthandler._sigsegv()")
    agent.dispatch(1)
    told = agent.exited()
    assert (told["code"], told["signal"]) == (None, 11)
    assert b"mod.py" in agent.printed()


def test_code_that_leaves_by_itself_ends_the_runner(start: Start) -> None:
    """os._exit in user code is an exit code that the agent is told."""
    agent = start("import os\ndef f(a): os._exit(a)")
    agent.dispatch(42)
    assert agent.exited()["code"] == 42


def test_what_a_call_leaves_running_dies_with_the_runner(start: Start, tmp_path: Path) -> None:
    """A process that user code started is in the runner's group, and is killed with it."""
    source = """
    import subprocess
    def f(a): return subprocess.Popen(['sleep', '1000']).pid
    """
    agent = start(source)
    pid = agent.run(1).value
    os.kill(agent.pid, 9)
    assert agent.exited()["signal"] == 9
    until(lambda: not Path(f"/proc/{pid}").exists() or zombie(pid))


def zombie(pid: int) -> bool:
    """Return whether a process has ended and waits for its parent only."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
