"""Whoever dies in the middle of a deploy, it ends right all the same."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack, wait_until

pytestmark = pytest.mark.kill

GATED = Path(__file__).parent / "programs" / "gated.py"


def versions(stack: Stack, function: str) -> list[dict[str, Any]]:
    """Return what `fnq function versions` says; nothing while there are none."""
    done = stack.fnq("function", "versions", function, "--json")
    return json.loads(done.stdout) if done.returncode == 0 else []


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("role", "function"),
    [("server", ""), ("consumer", ""), ("redis", ""), ("worker", "gated"), ("runner", "gated")],
)
def test_a_death_in_the_middle_of_a_deploy_changes_nothing_of_it(
    stack: Stack, tmp_path: Path, role: str, function: str
) -> None:
    """Nothing is current before the last function is imported; then both are, as one version."""
    gate = tmp_path / "open"
    with stack.start(GATED, str(gate)) as script:
        wait_until("a worker imports it", lambda: stack.processes("runner", "gated"))
        assert {each["state"] for each in versions(stack, "free")} == {"preparing"}
        os.kill(stack.pid(role, function), signal.SIGKILL)
        wait_until(
            "it is there again",
            lambda: [each["state"] for each in versions(stack, "free")] == ["preparing"],
        )
        gate.touch()
        output, _ = script.communicate(timeout=100)

    assert output.splitlines()[-1] == "42 1"
    for each in ("gated", "free"):
        assert [(found["number"], found["state"]) for found in versions(stack, each)] == [
            (1, "current")
        ]
