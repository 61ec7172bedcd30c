"""The job of a function version, as Nomad takes it. Pure.

The names of the fields are Nomad's: it drops what it does not know without a word,
so that they are types here. Durations are nanoseconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TypedDict

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import GRACE_S

__all__ = [
    "DIGEST",
    "FUNCTION",
    "GROUP",
    "NAMESPACE",
    "PREFIX",
    "SINCE",
    "TASK",
    "VERSION",
    "Job",
    "job_id",
    "render",
    "with_count",
]

#: What the ids of all our jobs begin with, and what their one group and task are called.
PREFIX, GROUP, TASK = "fnq-", "worker", "worker"
#: Keys in the metadata of a job: whose it is, ...
NAMESPACE, FUNCTION, VERSION = "fnq.namespace", "fnq.function", "fnq.version"
#: ... a hash of all that it is made of, and when the server that made it had started.
DIGEST, SINCE = "fnq.digest", "fnq.since"

_SECOND = 1_000_000_000
#: Characters of a slug.
_LONGEST = 40
#: Nomad's least memory for a task, in MiB.
_LEAST_MB = 10
#: A credential that is not there must not keep the task from starting, and its value
#: may hold anything. Every job of the namespace may read this variable.
_CREDENTIALS = """\
{{ if nomadVarExists "nomad/jobs" }}{{ with nomadVar "nomad/jobs" }}\
{{ with .FNQ_TOKEN.Value }}FNQ_TOKEN={{ . | toJSON }}
{{ end }}{{ with .REDIS_PASSWORD.Value }}REDIS_PASSWORD={{ . | toJSON }}
{{ end }}{{ end }}{{ end }}"""


class Template(TypedDict):
    """A file that Nomad writes for a task; with `Envvars` its lines become variables."""

    EmbeddedTmpl: str
    DestPath: str
    Perms: str
    Envvars: bool
    ChangeMode: str


class Resources(TypedDict):
    """Megahertz and mebibytes."""

    CPU: int
    MemoryMB: int


class LogConfig(TypedDict):
    """How much of stdout, and as much again of stderr, is kept."""

    MaxFiles: int
    MaxFileSizeMB: int


class Task(TypedDict):
    """A process."""

    Name: str
    Driver: str
    Config: dict[str, object]
    Templates: list[Template]
    Resources: Resources
    KillSignal: str
    KillTimeout: int
    LogConfig: LogConfig


class RestartPolicy(TypedDict):
    """How a task that ends is started again on its node."""

    Attempts: int
    Interval: int
    Delay: int
    Mode: str


class ReschedulePolicy(TypedDict):
    """How a task that could not be restarted is started elsewhere."""

    Delay: int
    DelayFunction: str
    MaxDelay: int
    Unlimited: bool


class EphemeralDisk(TypedDict):
    """Mebibytes that a node must have free."""

    SizeMB: int


class TaskGroup(TypedDict):
    """What is placed `Count` times."""

    Name: str
    Count: int
    RestartPolicy: RestartPolicy
    ReschedulePolicy: ReschedulePolicy
    EphemeralDisk: EphemeralDisk
    Tasks: list[Task]


class Update(TypedDict):
    """How allocations are replaced; 0 at a time means without a deployment."""

    MaxParallel: int


class Job(TypedDict):
    """A service job."""

    ID: str
    Name: str
    Type: str
    Namespace: str
    NodePool: str
    Datacenters: list[str]
    Meta: dict[str, str]
    Update: Update
    TaskGroups: list[TaskGroup]


def job_id(namespace: str, function: str, version: str) -> str:
    """Return the id of a version's job: [a-z0-9-], the same for the same three."""
    space = "" if namespace == "default" else _slug(namespace) + "-"
    if space and space != namespace + "-":
        # a_b and a-b are two; names of functions are told apart by their versions.
        space += hashlib.sha256(namespace.encode()).hexdigest()[:4] + "-"
    return f"{PREFIX}{space}{_slug(function)}-{version[:8]}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_LONGEST].strip("-") or "x"


def render(
    terms: Terms,
    namespace: str,
    version: str,
    spec: spec_pb2.FunctionSpec,
    replicas: int,
    since_ms: int,
) -> Job:
    """Return the job that runs `replicas` workers of a version.

    `since_ms` is when the server that asks was started. Raises ValueError for a name
    that Nomad would take for a variable of its own.
    """
    for name in (namespace, version, spec.name):
        if "${" in name:
            raise ValueError(f"a name may not hold '${{': {name!r}")
    identity = job_id(namespace, spec.name, version)
    job = Job(
        ID=identity,
        Name=identity,
        Type="service",
        Namespace=terms.nomad_namespace,
        NodePool=terms.node_pool,
        Datacenters=terms.datacenters,
        Meta={NAMESPACE: namespace, FUNCTION: spec.name, VERSION: version},
        # With deployments Nomad refuses to scale while one goes on: 12 s after each change.
        Update=Update(MaxParallel=0),
        TaskGroups=[_group(terms, namespace, version, spec)],
    )
    text = json.dumps(job, sort_keys=True)
    job["Meta"][DIGEST] = hashlib.sha256(text.encode()).hexdigest()[:16]
    job["Meta"][SINCE] = str(since_ms)
    return with_count(job, replicas)


def with_count(job: Job, replicas: int) -> Job:
    """Return the same job with another number of workers."""
    [group] = job["TaskGroups"]
    changed = group.copy()
    changed["Count"] = replicas
    result = job.copy()
    result["TaskGroups"] = [changed]
    return result


def _group(terms: Terms, namespace: str, version: str, spec: spec_pb2.FunctionSpec) -> TaskGroup:
    return TaskGroup(
        Name=GROUP,
        Count=0,
        RestartPolicy=RestartPolicy(
            Attempts=3, Interval=300 * _SECOND, Delay=2 * _SECOND, Mode="fail"
        ),
        ReschedulePolicy=ReschedulePolicy(
            Delay=5 * _SECOND, DelayFunction="exponential", MaxDelay=60 * _SECOND, Unlimited=True
        ),
        EphemeralDisk=EphemeralDisk(SizeMB=300),
        Tasks=[_task(terms, namespace, version, spec)],
    )


def _task(terms: Terms, namespace: str, version: str, spec: spec_pb2.FunctionSpec) -> Task:
    return Task(
        Name=TASK,
        Driver=terms.driver,
        Config=_config(terms, namespace, version),
        Templates=[
            Template(
                EmbeddedTmpl=_CREDENTIALS,
                DestPath="secrets/fnq.env",
                Perms="0600",
                Envvars=True,
                ChangeMode="noop",
            )
        ],
        Resources=_resources(terms, spec.resources),
        KillSignal="SIGTERM",
        KillTimeout=GRACE_S * _SECOND,
        LogConfig=LogConfig(MaxFiles=3, MaxFileSizeMB=10),
    )


def _config(terms: Terms, namespace: str, version: str) -> dict[str, object]:
    """Return what the driver starts; the two variables are filled in by Nomad."""
    arguments = [
        "--consumer", terms.consumer,
        "--server", terms.server,
        "--redis", terms.redis,
        "--namespace", namespace,
        "--version", version,
        "--replica", "${NOMAD_ALLOC_INDEX}",
        "--work", "${NOMAD_TASK_DIR}",
    ]  # fmt: skip
    if terms.driver != "docker":
        return {"command": terms.command, "args": ["-m", "fnq_worker", *arguments]}
    return {
        "image": terms.image,
        "args": arguments,
        # Nothing is listened at: this is for addresses on the node's own loopback.
        "network_mode": "host",
        # As process 1 the worker would have to reap whatever user code leaves behind.
        "init": True,
    }


def _resources(terms: Terms, asked: spec_pb2.Resources) -> Resources:
    """Return what the function asks for: a core is 1000 MHz, memory is rounded up."""
    wanted_mb = -(-asked.memory_bytes // (1 << 20)) or terms.memory_mb
    return Resources(CPU=asked.cpu_millis or terms.cpu_mhz, MemoryMB=max(_LEAST_MB, wanted_mb))
