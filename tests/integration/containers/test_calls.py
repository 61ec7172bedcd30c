"""A caller outside, everything else in containers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.containers.fleet import READY, Fleet

pytestmark = [pytest.mark.integration, pytest.mark.images, pytest.mark.timeout(600)]

PROGRAMS = Path(__file__).parents[1] / "programs"


def test_a_script_calls_and_streams_through_containers(either: Fleet) -> None:
    """Values, chunks and nested calls come back from workers in other containers."""
    with either.script(PROGRAMS / "voyage.py") as call:
        either.employ("add", "tally", "surroundings")
        output, _ = call.communicate(timeout=60)

    assert call.returncode == 0, output
    added, chunks, surroundings = json.loads(output.splitlines()[-1])
    assert added == 8
    assert chunks == [{"n": n, "sum": 2 * n} for n in range(4)]
    assert either.id("surroundings-0").startswith(surroundings["host"])
    assert surroundings["user"] == 10001
    given = json.dumps(surroundings["env"])
    assert either.token not in given
    assert either.password not in given


def test_no_container_says_a_secret(either: Fleet) -> None:
    """Neither the token nor the password of Redis stands in what one printed."""
    logs = {name: either.log(name) for name in either.names("server", "consumer", "add", "work")}
    assert all(READY in log for name, log in logs.items() if name.startswith(("server", "cons")))
    leaks = [n for n, log in logs.items() if either.token in log or either.password in log]
    assert leaks == []


def test_a_caller_without_the_token_is_told_so(either: Fleet) -> None:
    """A server that can be reached over a network serves only who has it."""
    with either.script(PROGRAMS / "voyage.py", token="wrong") as call:
        output, _ = call.communicate(timeout=60)
    assert call.returncode != 0
    assert "set FNQ_TOKEN" in output
