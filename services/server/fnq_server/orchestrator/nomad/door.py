"""The one door to Nomad's API: what python-nomad covers through it, the rest beside it.

A request blocks a thread of the door, never the loop. Whatever goes wrong is a
StackError with Nomad's address, its words and the remedy; never with the token.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from nomad import Nomad
from nomad.api.base import Requester
from nomad.api.exceptions import (
    BaseNomadException,
    URLNotAuthorizedNomadException,
    URLNotFoundNomadException,
    VariableConflict,
)

from fnq_server.orchestrator.nomad import fault
from fnq_server.orchestrator.nomad.job import GROUP, PREFIX, TASK, VERSION, Job
from fnq_server.orchestrator.nomad.right import NODES, Right, capability, mounts, rules
from fnq_wire.cause import system_reason
from fnq_wire.error import StackError

__all__ = ["DEFAULT_ADDRESS", "Access", "DeniedError", "NomadDoor", "RaceError", "RefusedError"]

_T = TypeVar("_T")

#: What a Nomad with TLS says to who speaks without.
_PLAIN = "HTTP request to an HTTPS server"
#: What it says while its servers have not chosen who leads.
_NO_LEADER = "No cluster leader"
#: What to do where its agent is there and does not answer.
_MEMBERS = "see whether nomad server members names a leader there, and the log of its agent"
#: Where Nomad listens when nobody says where.
DEFAULT_ADDRESS = "http://127.0.0.1:4646"
#: Seconds for an answer, beyond what Nomad was asked to wait.
_ANSWER_S = 10.0
#: Seconds for an answer that only a node has: it may be out of reach.
_NODE_S = 3.0
#: Requests at once; more wait for a thread.
_THREADS = 4
#: The right that most questions take.
_READ_JOB = capability("read-job")
#: How Nomad says that a job is not any more as it was read: in a text, with status 500.
_RACE = "Enforcing job modify index"


@dataclass(frozen=True, slots=True)
class Access:
    """Where Nomad is, and what lets us in; files are paths, "" for none."""

    address: str
    token: str = ""
    nomad_namespace: str = "default"
    region: str = ""
    authority: str = ""
    certificate: tuple[str, str] | tuple[()] = ()
    verify: bool = True

    def __post_init__(self) -> None:
        """Raise ValueError for what is no address of Nomad."""
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected http://HOST:PORT or https://HOST:PORT, not {self.shown!r}")

    @classmethod
    def of(cls, address: str | None, nomad_namespace: str) -> Access:
        """Return what the environment says; its names are those of Nomad's own command."""
        env = os.environ.get
        pair = (env("NOMAD_CLIENT_CERT", ""), env("NOMAD_CLIENT_KEY", ""))
        return cls(
            address=(address or env("NOMAD_ADDR") or DEFAULT_ADDRESS).rstrip("/"),
            token=env("NOMAD_TOKEN", ""),
            nomad_namespace=nomad_namespace,
            region=env("NOMAD_REGION", ""),
            authority=env("NOMAD_CACERT") or env("NOMAD_CAPATH") or "",
            certificate=pair if all(pair) else (),
            verify=env("NOMAD_SKIP_VERIFY", "").lower() not in ("1", "true"),
        )

    @property
    def shown(self) -> str:
        """Return the address without a password that it may hold."""
        return re.sub(r"//[^/@]*@", "//", self.address)

    def __repr__(self) -> str:
        """Leave out the token."""
        return f"Access({self.shown!r}, nomad_namespace={self.nomad_namespace!r})"


class DeniedError(StackError):
    """Say that the token may not ask that."""


class RefusedError(StackError):
    """Say that Nomad does not do that, whoever asks."""


class RaceError(Exception):
    """Say that what was to be written is not any more as it was read."""


class NomadDoor:
    """Nomad as one token sees one of its namespaces.

    Jobs, allocations, evaluations and nodes are what Nomad's JSON is. Every method
    raises StackError.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        session = requests.Session()
        # Neither a proxy nor ~/.netrc has a say in where the token goes, ...
        session.trust_env = False
        # ... nor has a redirection, which python-nomad follows for PUT and DELETE.
        session.max_redirects = 0
        self._nomad = Nomad(
            address=access.address,
            token=access.token or None,
            namespace=access.nomad_namespace,
            region=access.region or None,
            timeout=_ANSWER_S,
            verify=(access.authority or True) if access.verify else False,
            cert=access.certificate,
            session=session,
        )
        self._threads = ThreadPoolExecutor(_THREADS, "nomad")

    def __repr__(self) -> str:
        """Leave out the client: it prints its token."""
        return f"NomadDoor({self._access!r})"

    @property
    def address(self) -> str:
        """Where Nomad is, without a password."""
        return self._access.shown

    async def job(self, identity: str) -> Mapping[str, Any] | None:
        """Return a job; None when there is none."""
        return await self._maybe(
            f"show the job {identity}", lambda: self._nomad.job.get_job(identity), _READ_JOB
        )

    async def jobs(self, version: str = "") -> list[dict[str, Any]]:
        """Return our jobs in short, with their metadata; of one version where one is named."""
        clause = f'Meta["{VERSION}"] == "{version}"' if version else f'"{VERSION}" in Meta'
        params = {"prefix": PREFIX, "meta": "true", "filter": clause}
        return await self._do(
            "list jobs",
            lambda: self._get(self._nomad.jobs, params=params),
            capability("list-jobs"),
        )

    async def register(self, job: Job, index: int) -> bool:
        """Register a job that is as it was at `index` (0: not there); False when it is not."""
        body = {"Job": job, "EnforceIndex": True, "JobModifyIndex": index}
        return await self._unless_raced(
            f"register the job {job['ID']}",
            lambda: self._nomad.job.register_job(job["ID"], body),
            capability("register-job"),
            *mounts(job),
        )

    async def plan(self, job: Job) -> Mapping[str, Any]:
        """Return what registering a job would change; nothing is."""
        return await self._do(
            f"plan the job {job['ID']}",
            lambda: self._nomad.job.plan_job(job["ID"], {"Job": job}, diff=True),
            capability("plan-job"),
        )

    async def scale(self, identity: str, count: int, index: int) -> bool:
        """Set the number of workers of a job that is as it was at `index`; False when it is not."""
        body = {"Count": count, "Target": {"Group": GROUP}, "JobModifyIndex": index}
        return await self._unless_raced(
            f"scale the job {identity} to {count}",
            lambda: self._nomad.job.request(identity, "scale", method="post", json=body).json(),
            capability("scale-job"),
        )

    async def deregister(self, identity: str) -> int:
        """Stop a job, and return the index of that.

        What it was stays to be looked at until Nomad clears it away.
        """
        return await self._do(
            f"stop the job {identity}",
            lambda: int(self._nomad.job.deregister_job(identity)["JobModifyIndex"]),
            capability("deregister-job"),
        )

    async def evaluate(self, identity: str) -> None:
        """Have Nomad look again for places for what waits of a job."""
        await self.ask(
            f"evaluate the job {identity}",
            "post",
            f"job/{identity}/evaluate",
            right=capability("evaluate-job"),
            body={"JobID": identity},
        )

    async def evaluations(self, identity: str) -> list[dict[str, Any]]:
        """Return what Nomad thought about a job, latest last or first."""
        return await self._do(
            f"show the evaluations of {identity}",
            lambda: self._nomad.job.get_evaluations(identity),
            _READ_JOB,
        )

    async def allocations(self, identity: str) -> list[dict[str, Any]]:
        """Return what was placed of a job, with what has ended."""
        found, _ = await self.changed_allocations(identity, 0, 0)
        return found

    async def changed_allocations(
        self, identity: str, index: int, wait_s: float
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the allocations of a job once they are newer than `index`, and their index.

        After `wait_s` they are returned as they are.
        """
        params = {"index": index, "wait": f"{wait_s:g}s"} if index else {}

        def ask() -> tuple[list[dict[str, Any]], int]:
            reply = self._nomad.job.request(
                identity, "allocations", method="get", params=params, timeout=_ANSWER_S + wait_s
            )
            return reply.json(), int(reply.headers["X-Nomad-Index"])

        return await self._do(f"show the allocations of {identity}", ask, _READ_JOB)

    async def all_allocations(self) -> list[dict[str, Any]]:
        """Return what was placed of all our jobs and is not yet cleared away."""
        params = {"filter": f'JobID matches "^{PREFIX}"'}
        return await self._do(
            "list allocations",
            lambda: self._get(self._nomad.allocations, params=params),
            _READ_JOB,
        )

    async def occupants(self) -> list[dict[str, Any]]:
        """Return what is placed of all jobs that this token may see, with what it was given.

        Raises DeniedError where it may see those of no namespace.
        """
        params = {"namespace": "*", "resources": "true", "task_states": "false"}
        return await self._do(
            "list what all jobs hold",
            lambda: self._get(self._nomad.allocations, params=params),
            _READ_JOB,
        )

    async def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes with what they have."""
        return await self._do(
            "list nodes", lambda: self._get(self._nomad.nodes, params={"resources": "true"}), NODES
        )

    async def log(self, allocation: str, stream: str, size: int) -> bytes | None:
        """Return the last `size` bytes of "stdout" or "stderr"; None when there are none."""
        params = {"task": TASK, "type": stream, "origin": "end", "offset": size, "plain": "true"}

        def ask() -> bytes:
            logs = self._nomad.client.stream_logs
            reply = logs.request(allocation, method="get", params=params, timeout=_NODE_S)
            content: bytes = reply.content
            return content

        return await self._maybe(f"show the {stream} of {allocation}", ask, capability("read-logs"))

    async def ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        right: Right | None = None,
        body: object = None,
        **params: str,
    ) -> Any:
        """Ask, of our namespace, what python-nomad has no method for, at a path as "vars".

        `right` is the one that it takes, if any. Return the JSON, None where nothing is
        there; raises RaceError where what is written was changed by others.
        """
        params["namespace"] = self._access.nomad_namespace

        def ask() -> Any:
            endpoint = Requester(**self._nomad.requester_settings)
            endpoint.ENDPOINT = path
            try:
                reply = endpoint.request(method=method, params=params, json=body)
            except VariableConflict as problem:
                raise RaceError(what) from problem
            return reply.json() if reply.content else {}

        return await self._maybe(what, ask, *(() if right is None else (right,)))

    @staticmethod
    def _get(endpoint: Any, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Ask what python-nomad has no argument for."""
        found: list[dict[str, Any]] = endpoint.request(method="get", params=params).json()
        return found

    async def _maybe(self, what: str, ask: Callable[[], _T], *rights: Right) -> _T | None:
        def ask_kindly() -> _T | None:
            try:
                return ask()
            except URLNotFoundNomadException:
                return None

        return await self._do(what, ask_kindly, *rights)

    async def _unless_raced(self, what: str, ask: Callable[[], object], *rights: Right) -> bool:
        def try_it() -> bool:
            try:
                ask()
            except BaseNomadException as problem:
                if _RACE in fault.text(problem.nomad_resp):
                    return False
                raise
            return True

        return await self._do(what, try_it, *rights)

    async def _do(self, what: str, ask: Callable[[], _T], *rights: Right) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except (BaseNomadException, OSError, ValueError, KeyError) as problem:
            raise self._error(what, problem, rights) from problem

    def _error(self, what: str, problem: Exception, rights: Sequence[Right]) -> StackError:
        """Return the one error that leaves this door; `rights` are those that it takes."""
        nomad = f"Nomad at {self._access.shown}"
        if isinstance(problem, OSError) and not isinstance(problem, requests.RequestException):
            return StackError(
                f"{nomad} cannot be asked: {problem}; "
                "check NOMAD_CACERT, NOMAD_CAPATH, NOMAD_CLIENT_CERT and NOMAD_CLIENT_KEY"
            )
        if not isinstance(problem, BaseNomadException):
            # What python-nomad lets through is an answer that is no JSON, or not Nomad's.
            return StackError(
                f"what answers at {self._access.shown} is not Nomad, asked to {what}: "
                "check --nomad or NOMAD_ADDR"
            )
        if isinstance(problem, URLNotAuthorizedNomadException):
            return self._denied(what, fault.text(problem.nomad_resp), rights)
        cause = problem.nomad_resp
        if isinstance(cause, requests.exceptions.SSLError):
            return StackError(f"{nomad} {fault.mistrust(cause)}")
        if isinstance(cause, requests.TooManyRedirects):
            return StackError(
                f"{nomad} sends us elsewhere, and the token goes nowhere else: "
                "give --nomad or NOMAD_ADDR the address where it answers"
            )
        if isinstance(cause, requests.Timeout):
            return StackError(f"{nomad} did not answer in time, asked to {what}: {_MEMBERS}")
        if isinstance(cause, requests.RequestException):
            return StackError(
                f"no Nomad can be reached at {self._access.shown} ({system_reason(cause)}): "
                "check --nomad or NOMAD_ADDR, and that its agent runs"
            )
        said = fault.text(problem.nomad_resp)
        if _NO_LEADER in said:
            return StackError(f"{nomad} cannot {what} ({said}): {_MEMBERS}")
        if _PLAIN in said:
            return StackError(f"{nomad} speaks TLS: write https:// in --nomad or NOMAD_ADDR")
        return RefusedError(f"{nomad} refuses to {what}: {said}")

    def _denied(self, what: str, said: str, rights: Sequence[Right]) -> DeniedError:
        namespace = self._access.nomad_namespace
        return DeniedError(
            f"Nomad at {self._access.shown} does not let us {what} in its namespace {namespace!r} "
            f"({said}): set NOMAD_TOKEN to a token that may"
            + (f", by a policy with {rules(rights, namespace)}" if rights else "")
        )
