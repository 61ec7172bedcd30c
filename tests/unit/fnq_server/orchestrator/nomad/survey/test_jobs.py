"""How the jobs of the system and those of functions are."""

from __future__ import annotations

from typing import Any

import pytest

from fnq_server.orchestrator.nomad.survey import credentials, jobs, place
from fnq_server.orchestrator.nomad.survey.rights import judge
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.finding import MISSING, NOTE, OK
from tests.unit.fnq_server.orchestrator.nomad import recorded
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation

RAW = Terms(driver="raw_exec", command="/opt/python")
DOCKER = Terms(driver="docker", image="fnq-worker:1")
NOPE = Terms(driver="raw_exec", command="/nope")
NO_IMAGE = Terms(driver="docker", image="127.0.0.1:1/nope:1")


def part(running: int, starting: int = 0, queued: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a job of the system as the list of jobs has it."""
    group = {"Running": running, "Starting": starting, "Queued": queued, "Failed": 0}
    found = {"ID": "fnq-server", "Stop": False, "JobSummary": {"Summary": {"server": group}}}
    return found | changes


@pytest.mark.parametrize(
    ("listed", "state", "told"),
    [
        ([part(2)], OK, "2 run"),
        ([part(1)], OK, "1 runs"),
        ([part(1, queued=1)], NOTE, "1 run, 1 do not yet"),
        ([part(0, queued=2)], MISSING, "nothing of it runs, 2 wait for a place"),
        ([part(0, starting=1)], MISSING, "nothing of it runs, 1 are starting"),
        ([part(0)], MISSING, "nothing of it runs, and nothing is starting"),
        ([part(1, Stop=True)], NOTE, "it does not run in the namespace 'fn': the servers that"),
        ([], NOTE, "were started otherwise"),
    ],
)
def test_a_job_of_the_system_runs(listed: list[Any], state: str, told: str) -> None:
    """Where it is no job, whoever started it otherwise knows."""
    found = jobs.of_part("fnq-server", listed, "fn")
    assert (found.subject, found.state, told in found.what) == ("job fnq-server", state, True)


@pytest.mark.parametrize(
    ("terms", "events", "state", "told"),
    [
        (RAW, [recorded.SETUP, recorded.STARTED], OK, "have started with /opt/python"),
        (RAW, [recorded.STARTED, recorded.EXIT_7], OK, "have started with /opt/python"),
        (NOPE, [recorded.NO_BINARY], MISSING, 'binary "/nope" could not be found'),
        (NO_IMAGE, [recorded.NO_IMAGE], MISSING, "its image cannot be pulled on node 'vm'"),
        (DOCKER, [], NOTE, "whether the nodes have fnq-worker:1 is known once"),
        (DOCKER, [recorded.RECEIVED], NOTE, "is known once a worker has started"),
    ],
)
def test_what_workers_are_made_of_is_known_by_the_last_one(
    terms: Terms, events: list[dict[str, Any]], state: str, told: str
) -> None:
    """One that ended by itself had all of that."""
    found = jobs.of_workers([allocation("failed", *events)], terms, 2_000.0)
    assert found.subject == ("image" if terms.driver == "docker" else "environment")
    assert (found.state, told in found.what) == (state, True)


@pytest.mark.parametrize("event", [recorded.NO_IMAGE, recorded.NO_KEY])
def test_what_hinders_a_worker_besides_is_told_as_it_is(event: dict[str, Any]) -> None:
    """As an image of a function's own: to push the operator's would be of no use."""
    found = jobs.of_workers([allocation("failed", event)], DOCKER, 2_000.0)
    assert (found.subject, found.state) == ("workers", MISSING)
    assert "fnq-worker:1" not in found.remedy
    assert found.remedy.startswith("see nomad alloc status ")


def test_a_later_worker_goes_before_an_earlier_one_and_no_server_counts() -> None:
    """What was mended is over."""
    mended = allocation("running", recorded.STARTED, created=20)
    broken = allocation("failed", recorded.NO_BINARY)
    assert jobs.of_workers([broken, mended], RAW, 2_000.0).state == OK
    server = {**broken, "JobID": "fnq-server", "CreateIndex": 30}
    assert jobs.of_workers([server], RAW, 2_000.0).state == NOTE


@pytest.mark.parametrize(
    ("items", "token", "state", "told"),
    [
        ({"FNQ_TOKEN": "t", "REDIS_PASSWORD": "p"}, "t", OK, "FNQ_TOKEN and REDIS_PASSWORD are"),
        ({"FNQ_TOKEN": "t"}, "t", NOTE, "no REDIS_PASSWORD is in it"),
        ({"FNQ_TOKEN": "u"}, "t", MISSING, "FNQ_TOKEN is another one than that with which"),
        ({"REDIS_PASSWORD": "p"}, "t", MISSING, "no FNQ_TOKEN is in it, and without it no worker"),
        (None, "t", MISSING, "no FNQ_TOKEN is in it"),
        (None, None, NOTE, "no FNQ_TOKEN and no REDIS_PASSWORD is in it"),
    ],
)
def test_workers_find_what_they_must_show(
    items: dict[str, str] | None, token: str | None, state: str, told: str
) -> None:
    """The same as the servers have."""
    [found] = credentials.findings(items, token)
    assert (found.state, told in found.what) == (state, True)


def test_what_lacks_of_a_variable_that_is_there_is_added_to_it() -> None:
    """Nomad's own command refuses to, or replaces what else is there."""
    [found] = credentials.findings({"TLS_CA": "x", "FNQ_TOKEN": "t"}, "t")
    assert found.remedy == "add it, as step 1 in jobs/README.md does: what else is there stays"
    [found] = credentials.findings(None, "t")
    assert found.remedy == "run nomad var put nomad/jobs FNQ_TOKEN=... REDIS_PASSWORD=..."


def test_a_worker_has_a_place_and_may_use_more_than_its_memory() -> None:
    """By what Nomad says of a job that is planned."""
    job = place.trial(RAW)
    assert job["TaskGroups"][0]["Tasks"][0]["Resources"]["MemoryMaxMB"] == 1_024
    assert [each.state for each in place.findings(job, {}, [])] == [OK, OK]
    metric = recorded.blocked(ConstraintFiltered={"missing drivers": 1})["FailedTGAllocs"]
    warning = 'Memory oversubscription is not enabled; Task "worker.worker" memory_max value'
    reply = {"FailedTGAllocs": metric, "Warnings": f"1 warning:\n\n* {warning}"}
    there = [recorded.node(Drivers={})]
    lacking, beyond = place.findings(job, reply, there)
    assert (lacking.state, beyond.state) == (MISSING, NOTE)
    assert lacking.what.startswith("no node has the driver 'raw_exec'")


def test_each_right_that_lacks_is_a_line() -> None:
    """With where it belongs."""
    assert [each.state for each in judge([], "fn")] == [OK]
    one, other = judge(["the capability submit-job", 'node { policy = "read" }'], "fn")
    assert one.what == "the servers' token lacks the capability submit-job"
    assert one.remedy == 'add it to their policy, in namespace "fn"'
    assert other.remedy == "add it to their policy"
