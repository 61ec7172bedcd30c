"""What a user is told of a function whose workers crash, or have no place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.livestack import Stack, one_stack
from tests.spec.program import run
from tests.unit.fnq_local.stack import STANDINS

pytestmark = pytest.mark.integration

CRASHES = """
import chalkcompute

@chalkcompute.function(secrets=[chalkcompute.Secret("STANDIN_EXIT")])
def f() -> int:
    return 1

try:
    f.wait_ready(timeout=20)
except chalkcompute.NotReadyError as problem:
    print(problem)
    print(*problem.__notes__)
"""
TOO_MANY = """
import chalkcompute

@chalkcompute.function(min_replicas=300, max_replicas=300)
def g() -> int:
    return 1

@chalkcompute.function
async def f() -> int:
    return g()

for ask in (g, f, lambda: g.wait_ready(timeout=9)):
    try:
        ask()
    except RuntimeError as problem:
        print(type(problem).__name__, problem)
"""


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Stack]:
    """A stack of its own whose workers end as a secret of their function says."""
    with one_stack(tmp_path / "stack") as stack:
        options = ["--program", "worker=standin_service"]
        code = (
            "from chalkcompute import embedded; from chalkcompute.config import Config; "
            f"embedded.ensure(Config(), supervisor_options={options!r})"
        )
        env = stack.env | {"PYTHONPATH": str(STANDINS)}
        subprocess.run([sys.executable, "-c", code], env=env, check=True, timeout=40)
        done = stack.fnq("secret", "set", "STANDIN_EXIT", typed="no licence")
        assert done.returncode == 0, done.stderr
        yield stack


def _run(stack: Stack, folder: Path, text: str) -> list[str]:
    """Return the lines of a script that says why it could not deploy."""
    script = folder / "script.py"
    script.write_text(text, "utf-8")
    done = run(stack, script)
    assert done.returncode == 1
    assert "[fnq] not deployed, as it failed before: " in done.stderr
    return done.stdout.splitlines()


def test_a_worker_that_crashes_is_told_with_its_last_words(crashing: Stack, tmp_path: Path) -> None:
    """In one sentence, and with the end of its log below."""
    said, *notes = _run(crashing, tmp_path, CRASHES)
    assert said.startswith(
        "f was not deployed: its worker crashes whenever it is started: "
        "ended with exit code 7: standin: no licence (see "
    )
    assert notes[-1] == "standin: no licence"


def test_what_one_machine_can_never_run_is_not_deployed(stack: Stack, tmp_path: Path) -> None:
    """Nor what is in one set with it; whoever calls or waits for any of it is told at once."""
    reason = "300 workers are asked for, 256 can run here at most: lower min_replicas"
    assert (
        _run(stack, tmp_path, TOO_MANY) == [f"UnschedulableError g was not deployed: {reason}"] * 3
    )
