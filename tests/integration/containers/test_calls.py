"""A caller outside, everything else in containers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.containers.fleet import Fleet

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

PROGRAMS = Path(__file__).parents[1] / "programs"


def test_a_script_calls_and_streams_through_containers(fleet: Fleet) -> None:
    """Values, chunks and nested calls come back from workers in other containers."""
    call = fleet.script(PROGRAMS / "voyage.py")
    fleet.employ("add", "tally", "surroundings")
    output, _ = call.communicate(timeout=60)

    assert call.returncode == 0, output
    added, chunks, surroundings = json.loads(output.splitlines()[-1])
    assert added == 8
    assert chunks == [{"n": n, "sum": 2 * n} for n in range(4)]
    assert fleet.id("surroundings-0").startswith(surroundings["host"])
    assert surroundings["user"] == 10001
    given = json.dumps(surroundings["env"])
    assert fleet.token not in given
    assert fleet.password not in given


def test_no_container_says_a_secret(fleet: Fleet) -> None:
    """Neither the token nor the password of Redis stands in what one printed."""
    logs = {name: fleet.log(name) for name in fleet.names("server", "consumer", "add", "work")}
    assert all(logs.values())
    leaks = [n for n, log in logs.items() if fleet.token in log or fleet.password in log]
    assert leaks == []


def test_a_caller_without_the_token_is_told_so(fleet: Fleet) -> None:
    """A server that can be reached over a network serves only who has it."""
    call = fleet.script(PROGRAMS / "voyage.py", token="wrong")
    output, _ = call.communicate(timeout=60)
    assert call.returncode != 0
    assert "set FNQ_TOKEN" in output
