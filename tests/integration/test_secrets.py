"""Secrets that are gone when a worker is to start, and a key that is not the one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.livestack import Stack, one_stack, wait_until

pytestmark = pytest.mark.integration

DEPLOYS = """
import os
import chalkcompute

@chalkcompute.function(secrets=[chalkcompute.Secret("LATE_KEY")])
def late() -> str:
    return os.environ["LATE_KEY"].upper()
"""
CALLS = """
import chalkcompute

late = chalkcompute.RemoteFunction.from_name("late")
call = late.spawn()
print(call.id, flush=True)
print(call.get(timeout=30))
"""
WAITS = """
import chalkcompute

try:
    chalkcompute.RemoteFunction.from_name("late").wait_ready(timeout=3)
except chalkcompute.NotReadyError as problem:
    print(problem)
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack of its own on which the function is deployed, and no worker of it runs."""
    for name, text in (("deploys", DEPLOYS), ("calls", CALLS), ("waits", WAITS)):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    with one_stack(tmp_path / "stack") as mine:
        told(mine, "secret", "set", "LATE_KEY", typed="early")
        mine.script(tmp_path / "deploys.py")
        mine.down()
        mine.up()
        yield mine


def told(stack: Stack, *words: str, typed: str | None = None) -> None:
    """Run `fnq`, which must succeed."""
    done = stack.fnq(*words, typed=typed)
    assert done.returncode == 0, done.stderr


def test_a_worker_whose_secret_is_gone_starts_once_it_is_set(stack: Stack, tmp_path: Path) -> None:
    """Until then whoever waits is told what is missing; a call waits, and ends in the end."""
    told(stack, "secret", "delete", "LATE_KEY")
    missing = "the secret LATE_KEY is missing: fnq secret set LATE_KEY"
    assert stack.script(tmp_path / "waits.py").endswith(f" s: {missing}\n")
    with stack.start(tmp_path / "calls.py") as script:
        assert script.stdout is not None
        call = script.stdout.readline().strip()
        wait_until("why", lambda: missing in stack.fnq("calls", "why", call).stdout)
        told(stack, "secret", "set", "LATE_KEY", typed="late")
        assert script.communicate(timeout=30)[0].endswith("LATE\n")


def test_who_waits_for_a_call_is_told_that_no_worker_takes_it(stack: Stack, tmp_path: Path) -> None:
    """On stderr, once, while it waits: of `fnq call`, and of a call that was spawned."""
    told(stack, "secret", "delete", "LATE_KEY")
    line = "[fnq] late: the secret LATE_KEY is missing: fnq secret set LATE_KEY\n"
    with stack.start(tmp_path / "calls.py") as script:
        called = stack.fnq("call", "late", "--timeout", "12")
        assert called.returncode == 1
        assert called.stderr.count(line) == 1
        assert called.stdout == ""
        told(stack, "secret", "set", "LATE_KEY", typed="late")
        assert script.communicate(timeout=30)[0].count(line) == 1


def test_with_another_key_nothing_starts_and_the_file_is_named(
    stack: Stack, tmp_path: Path
) -> None:
    """With the right one back it does, without a restart; what others may read is refused."""
    path = Path(stack.env["FNQ_HOME"]) / "secret.key"
    aside = path.rename(path.with_name("aside"))
    said = stack.script(tmp_path / "waits.py")
    assert f"it was sealed with another key than that in {path}" in said
    aside.rename(path)
    path.chmod(0o644)
    assert f"{path} can be used by others (mode 0644)" in stack.script(tmp_path / "waits.py")
    path.chmod(0o600)
    assert stack.script(tmp_path / "calls.py").splitlines()[1] == "EARLY"
