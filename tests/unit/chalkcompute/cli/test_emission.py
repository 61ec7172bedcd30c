"""What `fnq deploy --emit` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalkcompute.cli.emission import PLAN, emitted, write
from chalkcompute.errors import DeployError
from fnq.v1 import plans_pb2, spec_pb2

SPEC = spec_pb2.FunctionSpec(name="f")


def _planned() -> plans_pb2.PlannedVersion:
    planned = plans_pb2.PlannedVersion(id="v" * 32, number=1, job="job {}")
    planned.files.add(name="fnq-f.nomad.hcl", text="job {}")
    planned.forecast.append("workers: 1 to be placed")
    return planned


def test_the_plan_in_words_and_the_jobs_are_written(tmp_path: Path) -> None:
    """Into a folder that is made; twice changes nothing."""
    files = emitted([(SPEC, _planned())])
    for _ in range(2):
        write(tmp_path / "a" / "b", files)
    found = {each.name: each.read_text() for each in (tmp_path / "a" / "b").iterdir()}
    assert found == {
        "fnq-f.nomad.hcl": "job {}",
        PLAN: (
            "f: new function (1)\n    to be submitted:\n        job {}\n"
            "    what comes of it:\n        workers: 1 to be placed\n"
        ),
    }


def test_where_there_is_no_job_it_is_said_why() -> None:
    """As by an operator's bound, or on one machine."""
    planned = plans_pb2.PlannedVersion(id="v" * 32, number=1)
    with pytest.raises(DeployError, match=r"no job to write: its server starts no workers as job"):
        emitted([(SPEC, planned)])
    planned.lacks.append("the deploy will fail: it asks for cpu=9")
    with pytest.raises(DeployError, match=r"no job to write: the deploy will fail: it asks for"):
        emitted([(SPEC, planned)])


@pytest.mark.parametrize("name", ["../up", "a/b", "/etc/x", ".hidden", ".."])
def test_a_server_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    """Nor does it hide a file."""
    with pytest.raises(ValueError, match="does not belong there"):
        write(tmp_path / "out", {"fine": "", name: "x"})
    assert not (tmp_path / "out").exists()
