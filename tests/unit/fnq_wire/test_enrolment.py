"""Whether enough of a part is registered in Consul."""

from __future__ import annotations

import pytest

from fnq_wire.enrolment import Enrolment, judge
from fnq_wire.finder import CONSUMER, REDIS, SERVER
from fnq_wire.finding import MISSING, NOTE, OK


@pytest.mark.parametrize(
    ("part", "known", "healthy", "state", "told"),
    [
        (SERVER, 2, 2, OK, "2 fnq-server healthy in Consul at c:8500"),
        (SERVER, 1, 1, OK, "healthy in Consul at c:8500; with two, calls go on while one is"),
        (REDIS, 1, 1, OK, "1 fnq-redis healthy in Consul at c:8500"),
        (REDIS, 2, 2, MISSING, "calls 2 of fnq-redis healthy, and fnq needs exactly one"),
        (CONSUMER, 3, 2, NOTE, "2 of 3 fnq-consumer in Consul at c:8500 pass their checks"),
        (CONSUMER, 2, 0, MISSING, "knows 2 of fnq-consumer, and none passes its check"),
        (CONSUMER, 0, 0, MISSING, "Consul at c:8500 knows no fnq-consumer"),
    ],
)
def test_a_part_is_there_when_enough_are_healthy(
    part: str, known: int, healthy: int, state: str, told: str
) -> None:
    """One Redis, and any number of the others."""
    found = judge(part, part, "c:8500", Enrolment(known, healthy))
    assert (found.state, told in found.what) == (state, True)
    assert bool(found.remedy) == (state != OK)


def test_what_a_token_may_not_see_is_not_missing() -> None:
    """Servers need not see one another; the remedy is the rule."""
    rule = 'service "fnq-server" { policy = "read" }'
    found = judge(SERVER, SERVER, "c:8500", Enrolment(0, 0, rule))
    assert (found.state, found.what) == (NOTE, "Consul at c:8500 does not let us see fnq-server")
    assert rule in found.remedy


def test_the_remedy_names_the_job_whatever_the_service_is_called() -> None:
    """Its file, where nothing was ever registered."""
    found = judge(SERVER, "mine", "c:8500", Enrolment(0, 0))
    assert found.what == "Consul at c:8500 knows no mine"
    assert found.remedy.startswith(
        "correct the name where it is given, as in FNQ_ADDR, or run jobs/server.nomad.hcl (nomad "
        "job run), or see why"
    )
    assert judge(SERVER, SERVER, "c:8500", Enrolment(0, 0)).remedy.startswith("run jobs/server.")
    assert "nomad job status fnq-server" in found.remedy
