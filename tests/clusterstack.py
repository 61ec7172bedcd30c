"""A namespace of its own on the cluster that FNQ_ADDR names, in place of an embedded stack.

Set in pytest's environment, FNQ_ADDR makes tests/spec run there; FNQ_TOKEN goes along,
and NOMAD_ADDR and NOMAD_TOKEN say where the jobs of its functions are ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import nomad

from fnq_server.orchestrator.nomad.door import DEFAULT_ADDRESS
from fnq_server.orchestrator.nomad.job import NAMESPACE
from fnq_wire.address import ConsulAddress
from fnq_wire.finder import REDIS, SERVER
from jobs.consul import Consul
from jobs.nomad import Nomad
from tests.livestack import Stack

__all__ = ["DRIVER", "ClusterStack", "keep_address"]

#: Under these names pytest's own process keeps what it was given: the code under test,
#: which reads FNQ_ADDR, must not see it.
_ADDRESS, _TOKEN = "SPEC_ADDR", "SPEC_TOKEN"
#: Says by which driver a cluster runs functions, where that is another one than raw_exec.
DRIVER = "SPEC_DRIVER"


def keep_address(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what to set once the FNQ_ variables of `environ` are gone."""
    kept = {_ADDRESS: environ.get("FNQ_ADDR", ""), _TOKEN: environ.get("FNQ_TOKEN", "")}
    return {name: value for name, value in kept.items() if value}


@dataclass(frozen=True)
class ClusterStack(Stack):
    """Functions and calls of one namespace of a cluster."""

    @staticmethod
    def named(environ: Mapping[str, str] = os.environ) -> bool:
        """Return whether a cluster was named."""
        return _ADDRESS in environ

    @staticmethod
    def apart(environ: Mapping[str, str] = os.environ) -> bool:
        """Return whether functions run in containers, apart from what this machine has."""
        return environ.get(DRIVER) == "docker"

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a script uses this namespace."""
        named = {"FNQ_ADDR": os.environ[_ADDRESS], "FNQ_NAMESPACE": self.namespace}
        if _TOKEN in os.environ:
            named["FNQ_TOKEN"] = os.environ[_TOKEN]
        return super().env | named

    def redis_url(self) -> str:
        """Return where its Redis is; the password, if there is one, is in REDIS_PASSWORD."""
        at = ConsulAddress.parse(os.environ[_ADDRESS], SERVER)
        assert at is not None, "only Consul tells where the Redis of a cluster is"
        (address,) = Consul(at.consul).healthy(REDIS)
        return f"redis://:{quote(os.environ.get('REDIS_PASSWORD', ''))}@{address}"

    def up(self) -> None:
        """Do nothing: it is up, and its workers never had the environment of a script."""

    def logged(self, role: str) -> list[dict[str, Any]]:
        """Return what all services of a role have logged, each in its order."""
        door = nomad.Nomad(address=_nomad(), token=os.environ.get("NOMAD_TOKEN"))
        texts = [
            door.client.stream_logs.stream(each["ID"], role, "stderr", plain=True)
            for each in door.job.get_allocations(f"fnq-{role}")
            if each["ClientStatus"] == "running"
        ]
        lines = "".join(texts).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def down(self) -> None:
        """Delete this namespace's functions, and end their jobs."""
        for each in json.loads(self.fnq("function", "list", "--json").stdout):
            # One that is to have workers without a call would have its job come back.
            done = self.fnq("function", "delete", "--yes", each["function"])
            assert done.returncode == 0, done.stderr
        ended = Nomad(_nomad(), os.environ.get("NOMAD_TOKEN", ""))
        ended.end(lambda job: (job.get("Meta") or {}).get(NAMESPACE) == self.namespace)


def _nomad() -> str:
    return os.environ.get("NOMAD_ADDR", DEFAULT_ADDRESS)
