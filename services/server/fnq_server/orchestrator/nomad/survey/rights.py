"""The rights that servers need of Nomad, and which of them their token lacks.

Nomad does not list them, so each is tried with a request that changes nothing: it is about
what is not there, or bound to a change that never was. Nomad looks at rights first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fnq_server.orchestrator.nomad.door import DeniedError, NomadDoor, RaceError, RefusedError
from fnq_server.orchestrator.nomad.job import GROUP, Job
from fnq_server.orchestrator.nomad.volumes import OURS
from fnq_wire.error import StackError
from fnq_wire.finding import Finding, missing, ok

__all__ = ["Rights", "judge"]

#: What no volume, node or allocation is called.
_NOWHERE = "00000000-0000-0000-0000-000000000000"
#: How lines begin that stand in no namespace.
_CLUSTER_WIDE = ("node ", "host_volume ")
#: The index of a change that no variable of ours has had.
_NEVER = {"cas": "1"}
#: Variables, by what a policy calls them, and one of each that is not there.
_VARIABLES = {
    "fnq/secrets/*": "fnq/secrets/fnq-check",
    "nomad/jobs/fnq-*": "nomad/jobs/fnq-check",
}


class _Trial(NamedTuple):
    """A request for which Nomad wants a right: `line` is where that stands in a policy."""

    line: str
    method: str
    path: str
    body: object = None
    params: Mapping[str, str] = {}


def _capability(name: str) -> str:
    return f"the capability {name}"


#: Two lines that Nomad looks at for one request.
_REGISTER = _capability("register-job")
_MOUNT = f'host_volume "{OURS}*" {{ policy = "write" }}'


def _trials(job: Job, mounting: Job) -> list[_Trial]:
    """Return a request for each right; of the jobs, which are never registered, one has a volume.

    Others are part of these: who may list jobs may list volumes of CSI, and who may make
    host volumes may read them. The capability submit-job has all five that are for jobs.
    """
    place = f"job/{job['ID']}"
    volume = {"Volume": {"Name": "", "NodeID": _NOWHERE}}
    scaling = {"Count": 0, "Target": {"Group": GROUP}}
    return [
        _Trial('node { policy = "read" }', "get", f"node/{_NOWHERE}"),
        _Trial(_capability("list-jobs"), "get", "jobs", params={"prefix": job["ID"]}),
        _Trial(_capability("read-job"), "get", place),
        _Trial(_capability("plan-job"), "post", f"{place}/plan", {"Job": job, "Diff": True}),
        _Trial(_REGISTER, "post", place, _changing(job)),
        _Trial(_capability("scale-job"), "post", f"{place}/scale", scaling),
        _Trial(_capability("evaluate-job"), "post", f"{place}/evaluate", {"JobID": job["ID"]}),
        _Trial(_capability("deregister-job"), "delete", place),
        _Trial(_capability("host-volume-create"), "put", "volume/host/create", volume),
        _Trial(_capability("host-volume-delete"), "delete", f"volume/host/{_NOWHERE}"),
        _Trial(_MOUNT, "post", place, _changing(mounting)),
        *(each for name, path in _VARIABLES.items() for each in _of_variable(name, path)),
    ]


def _changing(job: Job) -> dict[str, object]:
    """Return what changes a job that was never there, and so is refused."""
    return {"Job": job, "EnforceIndex": True, "JobModifyIndex": 1}


def _of_variable(name: str, path: str) -> list[_Trial]:
    line, body = f'variables {{ path "{name}" }}', {"Path": path, "Items": {"check": "1"}}
    return [
        _Trial(f"read in {line}", "get", f"var/{path}"),
        _Trial(f"write in {line}", "put", f"var/{path}", body, _NEVER),
        _Trial(f"destroy in {line}", "delete", f"var/{path}", params=_NEVER),
    ]


class Rights:
    """What the token behind a door may do."""

    def __init__(self, door: NomadDoor) -> None:
        self._door = door

    async def lacking(self, job: Job, mounting: Job, allocation: str) -> list[str]:
        """Return which lines of a policy lack. Raises StackError where Nomad does not answer.

        Of the jobs, which are never registered, `mounting` has a volume. `allocation` is one
        of ours, whose log may be asked for; "" where there is none.
        """
        trials = _trials(job, mounting)
        there = await asyncio.gather(*(self._is_there(each) for each in trials))
        lines = [each.line for each, is_there in zip(trials, there, strict=True) if not is_there]
        if _REGISTER in lines:
            # Nobody comes as far as volumes then.
            lines = [each for each in lines if each != _MOUNT]
        if allocation and not await self._may_read_logs(allocation):
            lines.append(_capability("read-logs"))
        return lines

    async def _is_there(self, trial: _Trial) -> bool:
        what = f"do what takes {trial.line}"
        try:
            await self._door.ask(
                what, trial.method, trial.path, right=None, body=trial.body, **trial.params
            )
        except DeniedError:
            return False
        except (RefusedError, RaceError):
            # For another reason, after its right was looked at.
            return True
        return True

    async def _may_read_logs(self, allocation: str) -> bool:
        try:
            await self._door.log(allocation, "stdout", 1)
        except DeniedError:
            return False
        except StackError:
            # There is none, or its node is out of reach.
            return True
        return True


def judge(lines: Sequence[str], nomad_namespace: str) -> list[Finding]:
    """Return a finding for each line that lacks, or one for all that are there."""
    if not lines:
        return [ok("rights", "the servers' token may do what they need")]
    return [
        missing(
            "rights",
            f"the servers' token lacks {each}",
            "add it to their policy"
            + ("" if each.startswith(_CLUSTER_WIDE) else f', in namespace "{nomad_namespace}"'),
        )
        for each in lines
    ]
