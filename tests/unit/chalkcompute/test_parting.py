"""What the end of a script does, in scripts of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

#: Put before any import of a script and of its child: a session that writes down deploys.
SITE = """
import hashlib, json, os, sys, types

class Session:
    over = False
    def __init__(self, config): self.number = 0
    def deploy(self, specs, bundles, timeout=None):
        with open(os.environ["DEPLOYS"], "a") as file:
            whole = list(bundles) == list({spec.bundle: 0 for spec in specs})
            line = [os.getpid(), [spec.name for spec in specs], whole]
            print(json.dumps(line), file=file)
        if "INTERRUPT" in os.environ:
            raise KeyboardInterrupt
        if "REFUSE" in os.environ:
            from chalkcompute.errors import DeployError
            raise DeployError(os.environ["REFUSE"])
        from chalkcompute.port import Deployed
        return Deployed([("ab" * 16, 1) for _ in specs], frozenset({"memory"}))
    def wait_ready(self, target, timeout): pass
    def close(self):
        print("closed", file=sys.stderr)
        return 0

def capture(functions):
    if "LOST" in os.environ:
        raise KeyError("lost")
    where = {each: (each.__module__, each.__qualname__) for each in functions}
    digest = hashlib.sha256(b"zip").hexdigest()
    return types.SimpleNamespace(hash=digest, data=b"zip", where=where, left_out=[])

session = types.ModuleType("chalkcompute.session")
session.ServerSession = Session
module = types.ModuleType("chalkcompute.capture")
module.capture = capture
sys.modules["chalkcompute.session"], sys.modules["chalkcompute.capture"] = session, module
"""

DECORATED = """
import chalkcompute

@chalkcompute.function
def one() -> int:
    return 1
"""


class Script:
    """Runs programs and tells what they deployed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "sitecustomize.py").write_text(SITE)
        self.deploys: list[Any] = []
        self.pid = 0
        self.err = ""

    def run(self, text: str, **environ: str) -> int:
        """Run a program and return its exit code."""
        log = self.folder / "deploys"
        log.write_text("")
        env = {**os.environ, "PYTHONPATH": str(self.folder), "DEPLOYS": str(log), **environ}
        script = self.folder / "script.py"
        script.write_text(text)
        with subprocess.Popen(
            [sys.executable, script], env=env, cwd=self.folder, stderr=subprocess.PIPE, text=True
        ) as process:
            self.err = process.communicate(timeout=30)[1]
        self.pid = process.pid
        self.deploys = [json.loads(line) for line in log.read_text().splitlines()]
        return process.returncode


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Return what runs programs."""
    return Script(tmp_path)


def test_what_was_not_called_is_deployed_at_the_end(script: Script) -> None:
    """By a child, since an ending interpreter cannot start the threads of a session."""
    assert script.run(DECORATED) == 0
    ((pid, names, whole),) = script.deploys
    assert (names, whole) == (["one"], True)
    assert pid != script.pid
    assert script.err == "closed\n"


def test_what_came_after_the_last_call_is_deployed_at_the_end(script: Script) -> None:
    """In one set with what was there; then each of the two sessions says goodbye."""
    later = "\none.wait_ready()\n@chalkcompute.function\ndef two(): pass\n"
    assert script.run(DECORATED + later) == 0
    assert [[pid == script.pid, names] for pid, names, _ in script.deploys] == [
        [True, ["one"]],
        [False, ["one", "two"]],
    ]
    assert script.err == "closed\nclosed\n"


def test_nothing_is_deployed_by_a_script_that_fails(script: Script) -> None:
    """What it would have decorated after that is in no set; it says so, and ends as without us."""
    assert script.run(DECORATED + "\nraise KeyError('x')\n") == 1
    assert script.deploys == []
    assert script.err.endswith("KeyError: 'x'\n[fnq] not deployed, as the script failed: one\n")


def test_what_was_called_is_not_deployed_again(script: Script) -> None:
    """The end has nothing left to do but to say goodbye."""
    assert script.run(DECORATED + "\none.wait_ready()\n") == 0
    assert len(script.deploys) == 1
    assert script.err == "closed\n"


def test_what_has_no_effect_is_said_once_by_whoever_deploys(script: Script) -> None:
    """Script or child; what has one where the function runs is not named."""
    given = DECORATED.replace("function\n", "function(memory='1Gi', gpu='nvidia-l4')\n")
    line = "[fnq] one: no effect: gpu (the function runs all the same)\n"
    assert script.run(given) == 0
    assert script.err == f"{line}closed\n"
    later = "\none.wait_ready()\n@chalkcompute.function\ndef two(): pass\n"
    assert script.run(given + later) == 0
    assert len(script.deploys) == 2
    assert script.err == f"{line}closed\nclosed\n"


@pytest.mark.parametrize("text", [DECORATED, DECORATED + "import sys\nsys.exit(0)\n"])
def test_a_deploy_that_fails_at_the_end_is_exit_code_one(text: str, script: Script) -> None:
    """The reason is on stderr, once."""
    assert script.run(text, REFUSE="no room") == 1
    assert script.err == "[fnq] the deploy failed: no room\nclosed\n"


def test_a_capture_that_fails_at_the_end_is_exit_code_one(script: Script) -> None:
    """What nobody expected is told with its traceback."""
    assert script.run(DECORATED, LOST="1") == 1
    assert script.err.startswith("[fnq] the deploy failed: Traceback")
    assert "KeyError: 'lost'" in script.err
    assert script.deploys == []


def test_a_deploy_that_failed_before_is_not_tried_again(script: Script) -> None:
    """Who caught the error gets exit code 1 all the same."""
    text = DECORATED + "\ntry:\n    one.wait_ready()\nexcept RuntimeError:\n    pass\n"
    assert script.run(text, REFUSE="no room") == 1
    assert len(script.deploys) == 1
    assert "not deployed, as it failed before: one" in script.err


def test_a_deploy_that_was_interrupted_has_not_failed(script: Script) -> None:
    """It is not tried again either, the words say why, and a shell sees Ctrl-C."""
    assert script.run(DECORATED + "\none.wait_ready()\n", INTERRUPT="1") == -signal.SIGINT
    assert len(script.deploys) == 1
    assert "not deployed, as that was interrupted: one" in script.err


def test_never_deploys_nothing_at_the_end(script: Script) -> None:
    """FNQ_DEPLOY=never holds to the end."""
    assert script.run(DECORATED, FNQ_DEPLOY="never") == 0
    assert (script.deploys, script.err) == ([], "")


def test_a_bad_setting_at_the_end_is_exit_code_one(script: Script) -> None:
    """It is named as at any other time."""
    assert script.run(DECORATED, FNQ_DEPLOY="no") == 1
    assert "FNQ_DEPLOY" in script.err


def test_the_output_is_not_lost(script: Script, tmp_path: Path) -> None:
    """What was printed before is flushed though the process ends at once."""
    text = (
        f"import sys\nsys.stdout = open({str(tmp_path / 'out')!r}, 'w')\nprint('kept')\n"
        + DECORATED
    )
    assert script.run(text, REFUSE="no room") == 1
    assert (tmp_path / "out").read_text() == "kept\n"


def test_a_forked_child_leaves_its_parents_functions_alone(script: Script) -> None:
    """Only the process that decorated deploys."""
    fork = "\nimport os, sys\nchild = os.fork()\nif child:\n    os.waitpid(child, 0)\n"
    assert script.run(DECORATED + fork) == 0
    assert len(script.deploys) == 1
