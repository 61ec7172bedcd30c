"""Whether a Redis is set as what lies in it needs."""

from __future__ import annotations

from typing import Any

import pytest

from fnq_core.tuning import Tuning
from fnq_server.cluster.redis import judge
from fnq_wire.finding import MISSING, NOTE, OK

GOOD = Tuning("7.2.4", True, "no", "noeviction", 384 << 20, 3 << 20)


def test_what_the_job_of_redis_sets_is_right() -> None:
    """Each is a line of its own."""
    found = judge(GOOD)
    assert {each.state for each in found} == {OK}
    assert [each.subject for each in found] == ["redis", "redis file", "redis memory", "redis room"]
    assert found[3].what == "3 of 384 MiB in use"


@pytest.mark.parametrize(
    ("changes", "state", "told"),
    [
        ({"appendonly": False}, MISSING, "appendonly is no: started anew it has forgotten all"),
        ({"appendfsync": "everysec"}, MISSING, "appendfsync is everysec: while its disk is busy"),
        ({"appendfsync": "always"}, OK, "what it answered survives a loss of power"),
        ({"appendfsync": ""}, NOTE, "appendfsync may not be asked for (CONFIG GET)"),
        ({"policy": "allkeys-lru"}, MISSING, "maxmemory-policy is allkeys-lru: when it is full"),
        ({"maxmemory": 0}, NOTE, "it has no maxmemory"),
    ],
)
def test_what_loses_calls_must_be_mended(changes: dict[str, Any], state: str, told: str) -> None:
    """What may be so is said."""
    [found] = [each for each in judge(GOOD._replace(**changes)) if told in each.what]
    assert found.state == state
