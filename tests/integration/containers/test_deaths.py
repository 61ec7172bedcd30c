"""Containers are killed under calls: every result stays exact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.containers.fleet import Fleet

pytestmark = [pytest.mark.integration, pytest.mark.images, pytest.mark.timeout(600)]

CONVOY = Path(__file__).parents[1] / "programs" / "convoy.py"


@pytest.mark.parametrize(
    "victims", [("server-1", "server-2"), ("consumer-1", "consumer-2"), ("triple-0", "endless-0")]
)
def test_containers_that_are_killed_under_calls_cost_no_result(
    found: Fleet, victims: tuple[str, ...]
) -> None:
    """One after the other, as soon as the last one is back: so one in use is among them."""
    with found.script(CONVOY) as convoy:
        found.employ("triple", "endless", replicas=2)
        assert convoy.stdout is not None
        for line in convoy.stdout:
            if line == "begun\n":
                break
            assert line.startswith("[fnq]")
        for victim in victims:
            found.kill(victim)
            found.again(victim)
        output, _ = convoy.communicate(timeout=180)

    assert convoy.returncode == 0, output
    report = json.loads(output.splitlines()[-1])
    print(f"\n{victims} killed under {report['calls']} calls and {report['chunks']} chunks")
    assert report["wrong"] == []
