"""A container is killed under calls: every result stays exact."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.integration.containers.fleet import Fleet
from tests.livestack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

LOAD = Path(__file__).parents[2] / "kill" / "programs" / "load.py"
CALLS, CHUNKS = 1_000, 500


@pytest.mark.parametrize("victim", ["server-1", "consumer-1", "work-0", "count-0"])
def test_a_container_that_is_killed_under_calls_costs_no_result(fleet: Fleet, victim: str) -> None:
    """All its processes at once; it is started again, as an orchestrator would."""
    load = fleet.script(LOAD, str(CALLS), str(CHUNKS))
    fleet.employ("work", "count", replicas=2)
    wait_until("the stream runs", lambda: fleet.functions()["count"]["running"], 30)
    fleet.kill(victim)
    killed = time.time()
    fleet.again(victim)
    output, _ = load.communicate(timeout=120)

    assert load.returncode == 0, output
    report = json.loads(output.splitlines()[-1])
    assert report["wrong"] == []
    assert (len(report["answered"]), len(report["streamed"])) == (CALLS, CHUNKS)
    assert max(report["streamed"]) > killed
