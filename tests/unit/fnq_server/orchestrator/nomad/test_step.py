"""What is done next about a job."""

from __future__ import annotations

from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.job import Job, render, with_count
from fnq_server.orchestrator.nomad.step import Register, Scale, next_step
from fnq_server.orchestrator.nomad.terms import Terms

VERSION = "abc0123456"


def _job(replicas: int = 2, since_ms: int = 100, cpu_mhz: int = 100) -> Job:
    terms = Terms(driver="raw_exec", command="/usr/bin/python3", cpu_mhz=cpu_mhz)
    spec = spec_pb2.FunctionSpec(name="f")
    return render(terms, "default", VERSION, spec, replicas, since_ms)


def _found(job: Job, *, stop: bool = False) -> dict[str, Any]:
    return {**job, "Stop": stop, "JobModifyIndex": 25}


def test_a_job_that_is_not_there_is_registered() -> None:
    """As one that must not be there; nothing is registered for no worker."""
    assert next_step(None, _job(), exact=False) == Register(_job(), 0)
    assert next_step(None, _job(0), exact=True) is None


def test_a_job_that_is_as_it_should_be_is_left_alone() -> None:
    """Nomad would make a new evaluation of it, and of a count a new version."""
    assert next_step(_found(_job()), _job(), exact=False) is None
    assert next_step(_found(_job()), _job(), exact=True) is None


def test_a_stopped_job_is_registered_anew() -> None:
    """Scaling it would place nothing."""
    assert next_step(_found(_job(3), stop=True), _job(), exact=False) == Register(_job(), 25)
    assert next_step(_found(_job(3), stop=True), _job(0), exact=True) is None


def test_the_count_is_raised_and_lowered_only_where_that_is_asked() -> None:
    """Ensuring never takes a worker away; zero is a count like others."""
    assert next_step(_found(_job(0)), _job(2), exact=False) == Scale(2, 25)
    assert next_step(_found(_job(5)), _job(2), exact=False) is None
    assert next_step(_found(_job(5)), _job(2), exact=True) == Scale(2, 25)
    assert next_step(_found(_job(5)), _job(0), exact=True) == Scale(0, 25)


def test_the_server_that_started_last_decides_how_a_job_is() -> None:
    """And keeps its count; an earlier one leaves it as it is, so that they do not take turns."""
    earlier = _found(_job(5, since_ms=100))
    later = _job(2, since_ms=200, cpu_mhz=300)
    assert next_step(earlier, later, exact=False) == Register(with_count(later, 5), 25)
    assert next_step(earlier, later, exact=True) == Register(later, 25)
    assert next_step(_found(later), _job(2, since_ms=100), exact=False) is None


def test_a_job_of_which_no_worker_is_wanted_is_lowered_and_left_as_it_is() -> None:
    """Whoever wants none need not know what its workers are given; the next one brings the rest."""
    earlier = _found(_job(5, since_ms=100))
    nobody = _job(0, since_ms=200, cpu_mhz=300)
    assert next_step(earlier, nobody, exact=True) == Scale(0, 25)
    assert next_step(earlier, nobody, exact=False) is None
    lowered = _found(_job(0, since_ms=100))
    later = _job(1, since_ms=200, cpu_mhz=300)
    assert next_step(lowered, later, exact=False) == Register(later, 25)


def test_a_later_server_that_has_it_the_same_changes_nothing() -> None:
    """A restart of a server restarts no worker."""
    assert next_step(_found(_job(since_ms=100)), _job(since_ms=200), exact=False) is None


def test_an_id_that_is_somebody_elses_is_not_touched() -> None:
    """Neither that of another version nor that of a job without our metadata."""
    taken = _found(_job())
    for meta in ({**taken["Meta"], "fnq.version": "abc01234ff"}, None):
        with pytest.raises(ValueError, match="it is not of this version"):
            next_step({**taken, "Meta": meta}, _job(), exact=False)
