"""What is asked of Nomad: jobs and variables."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fnq_server.orchestrator.nomad.story import TERMINAL
from jobs.agent import ClusterError, await_that, own_environment
from jobs.http import RefusalError, ask

__all__ = ["Nomad"]

#: Seconds for the allocations of a job to end, that of a long call included.
_END_S = 60.0


@dataclass(frozen=True, slots=True)
class Nomad:
    """Nomad at an address, "http://host:port", with a token where it has ACLs."""

    address: str
    token: str = field(default="", repr=False)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        return ask(method, f"{self.address}/v1/{path}", body, token=self.token)

    def ready(self) -> bool:
        """Return whether it can place jobs that register with Consul."""
        try:
            nodes = self._ask("GET", "nodes")
            if not nodes or nodes[0]["Status"] != "ready":
                return False
            node = self._ask("GET", f"node/{nodes[0]['ID']}")
        except RefusalError:
            return False
        return "consul.version" in node["Attributes"]

    def put_secrets(self, items: Mapping[str, str]) -> None:
        """Add items to the variable that every job may read when it starts.

        Raises ClusterError where that would change an item while jobs run.
        """
        path = "var/nomad/jobs"
        try:
            known: dict[str, str] = self._ask("GET", path)["Items"]
        except RefusalError as problem:
            if "not found" not in str(problem):
                raise
            known = {}
        changed = [name for name, value in items.items() if known.get(name) != value]
        if changed and self._jobs():
            raise ClusterError(
                f"what runs was started with another {' and '.join(changed)}, or without: "
                "unset it, or end the cluster first (make cluster-down)"
            )
        self._ask("PUT", path, {"Path": "nomad/jobs", "Items": {**known, **items}})

    def run(self, file: Path, variables: Mapping[str, str | int], within_s: float) -> None:
        """Run the job in a file as `nomad job run` does, and return once it is deployed.

        The file NAME.nomad.hcl has the job fnq-NAME. When that was not deployed the last
        time, it is ended first. Raises ClusterError with what Nomad says of it.
        """
        name = file.name.partition(".")[0]
        last = self._ask("GET", f"job/fnq-{name}/deployment")
        if last and last["Status"] != "successful":
            # Given the same again, Nomad goes on waiting for what it has found unhealthy.
            self.end(lambda job: job["ID"] == f"fnq-{name}")
        words = [f"-var={name}={value}" for name, value in variables.items()]
        command = ["nomad", "job", "run", f"-address={self.address}", *words, str(file)]
        try:
            done = subprocess.run(
                command,
                env=own_environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=within_s,
            )
        except subprocess.TimeoutExpired:
            raise ClusterError(
                f"{name} is not deployed after {within_s:g} s: {self.explain(f'fnq-{name}')}"
            ) from None
        if done.returncode != 0:
            raise ClusterError(f"{file.name}: {done.stderr.strip() or done.stdout.strip()}")

    def end(self, which: Callable[[dict[str, Any]], bool]) -> list[str]:
        """End some of the jobs, and return their names once nothing of them runs."""
        jobs = [job for job in self._jobs() if which(job)]
        for job in jobs:
            place = f"{quote(job['ID'], safe='')}?namespace={job['Namespace']}"
            self._ask("DELETE", f"job/{place}&no_shutdown_delay=true")
        await_that(
            "the end of " + ", ".join(job["ID"] for job in jobs),
            lambda: all(each["ClientStatus"] in TERMINAL for job in jobs for each in self._of(job)),
            _END_S,
        )
        return [job["ID"] for job in jobs]

    def _jobs(self) -> list[dict[str, Any]]:
        """Return the jobs that are not stopped."""
        found = self._ask("GET", "jobs?namespace=*&meta=true")
        return [job for job in found if not job["Stop"]]

    def _of(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the allocations of a job."""
        place = f"{quote(job['ID'], safe='')}/allocations?namespace={job['Namespace']}"
        found: list[dict[str, Any]] = self._ask("GET", f"job/{place}")
        return found

    def explain(self, job: str) -> str:
        """Return what Nomad says last of a job: why it is not placed, or how its task is."""
        evaluations = self._ask("GET", f"job/{job}/evaluations")
        # One that waits for room is blocked; the others tell what was true once.
        blocked = [each for each in evaluations if each["Status"] == "blocked"]
        for each in sorted(blocked, key=_made, reverse=True):
            for metric in (each["FailedTGAllocs"] or {}).values():
                return f"not placed: {metric['ConstraintFiltered'] or metric['DimensionExhausted']}"
        found = self._of({"ID": job, "Namespace": "default"})
        if not found:
            return "it has no allocation"
        newest = max(found, key=_made)
        words = [
            str(event["DisplayMessage"])
            for task in (newest["TaskStates"] or {}).values()
            for event in task["Events"]
        ]
        return f"allocation {newest['ID'][:8]}: {'; '.join(words[-3:]) or newest['ClientStatus']}"


def _made(each: Mapping[str, Any]) -> int:
    """Return when Nomad made it; the larger, the later."""
    return int(each["CreateIndex"])
