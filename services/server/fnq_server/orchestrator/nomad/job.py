"""The job of a function version, as Nomad takes it. Pure.

The names of the fields are Nomad's: it drops what it does not know without a word,
so that they are types here. Durations are nanoseconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import certificates, injection, own, volumes
from fnq_server.orchestrator.nomad.device import NVIDIA, Constraint, Device, devices, runtime
from fnq_server.orchestrator.nomad.passing import apply
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import GRACE_S
from fnq_wire.gpu import asks
from fnq_wire.passthrough import parse

__all__ = [
    "DIGEST",
    "FUNCTION",
    "GPU",
    "GROUP",
    "NAMESPACE",
    "PREFIX",
    "SINCE",
    "TASK",
    "VERSION",
    "Constraint",
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
#: What kinds of GPU the function asks for, in its words; not there where it asks for none.
GPU = "fnq.gpu"

_SECOND = 1_000_000_000
#: Characters of a slug.
_LONGEST = 40
#: The least memory of a worker, in MiB: its agent, its zygote and a runner take 75 before the
#: function has any.
_LEAST_MB = 128
#: A credential that is not there must not keep the task from starting, and its value
#: may hold anything. Every job of the namespace may read this variable.
_CREDENTIALS = """\
{{ if nomadVarExists "nomad/jobs" }}{{ with nomadVar "nomad/jobs" }}\
{{ with .FNQ_TOKEN.Value }}FNQ_TOKEN={{ . | toJSON }}
{{ end }}{{ with .REDIS_PASSWORD.Value }}REDIS_PASSWORD={{ . | toJSON }}
{{ end }}{{ with .CONSUL_HTTP_TOKEN.Value }}CONSUL_HTTP_TOKEN={{ . | toJSON }}
{{ end }}{{ end }}{{ end }}"""


class Template(TypedDict):
    """A file that Nomad writes for a task; with `Envvars` its lines become variables."""

    EmbeddedTmpl: str
    DestPath: str
    Perms: str
    Envvars: bool
    ChangeMode: str
    ErrMissingKey: NotRequired[bool]


class Resources(TypedDict):
    """Megahertz and mebibytes, up to `MemoryMaxMB` while the node has it free; and GPUs."""

    CPU: int
    MemoryMB: int
    MemoryMaxMB: NotRequired[int]
    Devices: NotRequired[list[Device]]


class LogConfig(TypedDict):
    """How much of stdout, and as much again of stderr, is kept."""

    MaxFiles: int
    MaxFileSizeMB: int


class Task(TypedDict):
    """A process."""

    Name: str
    Driver: str
    Config: dict[str, object]
    Env: NotRequired[dict[str, str]]
    Templates: list[Template]
    Constraints: NotRequired[list[Constraint]]
    Resources: Resources
    KillSignal: str
    KillTimeout: int
    LogConfig: LogConfig
    VolumeMounts: NotRequired[list[volumes.VolumeMount]]


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
    Volumes: NotRequired[dict[str, volumes.Request]]
    Constraints: NotRequired[list[Constraint]]


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
    Priority: NotRequired[int]
    Constraints: NotRequired[list[Constraint]]
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
    sources: Sequence[volumes.Source] = (),
    image: str = "",
) -> Job:
    """Return the job that runs `replicas` workers of a version.

    `since_ms` is when the server that asks was started, `sources` stand behind the function's
    volumes, and `image` is what a builder calls its own image, "" for the operator's. Raises
    ValueError for a name or path that Nomad would take for a variable of its own, and for options
    that do not fit.
    """
    _check((namespace, version, spec.name, *(each.path for each in spec.volumes)))
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
        TaskGroups=[_group(terms, namespace, version, spec, image)],
    )
    if spec.resources.gpu:
        job["Meta"][GPU] = ", ".join(each.kind for each in asks(spec.resources))
    if sources:
        _mount(job["TaskGroups"][0], spec, sources)
    apply(parse(spec.options), job)
    text = json.dumps(job, sort_keys=True)
    job["Meta"][DIGEST] = hashlib.sha256(text.encode()).hexdigest()[:16]
    job["Meta"][SINCE] = str(since_ms)
    return with_count(job, replicas)


def _check(names: Sequence[str]) -> None:
    for name in names:
        if "${" in name:
            raise ValueError(f"a name or path may not hold '${{': {name!r}")


def _mount(
    group: TaskGroup, spec: spec_pb2.FunctionSpec, sources: Sequence[volumes.Source]
) -> None:
    """Add to a group the volumes of its function."""
    [task] = group["Tasks"]
    group["Volumes"] = volumes.requests(sources)
    mounted, words = volumes.mounts(task["Driver"], spec, sources)
    if mounted:
        task["VolumeMounts"] = mounted
    if words:
        arguments: Any = task["Config"]["args"]
        task["Config"]["args"] = [*arguments, *words]
    if pinned := volumes.pin(task["Driver"], sources):
        group["Constraints"] = pinned


def with_count(job: Job, replicas: int) -> Job:
    """Return the same job with another number of workers."""
    [group] = job["TaskGroups"]
    changed = group.copy()
    changed["Count"] = replicas
    result = job.copy()
    result["TaskGroups"] = [changed]
    return result


def _group(
    terms: Terms, namespace: str, version: str, spec: spec_pb2.FunctionSpec, image: str
) -> TaskGroup:
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
        Tasks=[_task(terms, namespace, version, spec, image)],
    )


def _task(
    terms: Terms, namespace: str, version: str, spec: spec_pb2.FunctionSpec, image: str
) -> Task:
    task = Task(
        Name=TASK,
        Driver=terms.driver,
        Config=_config(terms, namespace, version, spec, image),
        Templates=_templates(terms, namespace, version, spec, image),
        Resources=_resources(terms, spec.resources),
        KillSignal="SIGTERM",
        KillTimeout=GRACE_S * _SECOND,
        LogConfig=LogConfig(MaxFiles=3, MaxFileSizeMB=10),
    )
    if variables := certificates.env(terms):
        task["Env"] = variables
    found = devices(asks(spec.resources), terms.gpus)
    if found:
        task["Resources"]["Devices"] = found
        if terms.driver == "docker" and terms.gpu_runtime and found[0]["Name"] == NVIDIA:
            # Without it Nomad places the worker, and Docker then refuses to start it.
            task["Constraints"] = [runtime(terms.gpu_runtime)]
    return task


def _templates(
    terms: Terms, namespace: str, version: str, spec: spec_pb2.FunctionSpec, image: str
) -> list[Template]:
    """Return the files that Nomad writes: of variables, and of certificates where TLS is spoken.

    The variables are credentials, and secrets where the function names some.
    """
    texts = {"secrets/fnq.env": _CREDENTIALS}
    if spec.secrets:
        texts[injection.FILE] = injection.template(job_id(namespace, spec.name, version))
    if image and terms.registry_login:
        texts[own.FILE] = own.LOGIN
    found = [
        Template(EmbeddedTmpl=text, DestPath=path, Perms="0600", Envvars=True, ChangeMode="noop")
        for path, text in texts.items()
    ]
    # The user of an image or a chroot is not the one who writes them, and must read them.
    perms = "0600" if terms.driver == "raw_exec" else "0644"
    for path, text in certificates.files(terms).items():
        made = Template(
            EmbeddedTmpl=text, DestPath=path, Perms=perms, Envvars=False, ChangeMode="noop"
        )
        made["ErrMissingKey"] = True
        found.append(made)
    return found


def _config(
    terms: Terms, namespace: str, version: str, spec: spec_pb2.FunctionSpec, image: str
) -> dict[str, object]:
    """Return what the driver starts; the variables are filled in by Nomad."""
    arguments = [
        "--consumer", terms.consumer,
        "--host", "${attr.unique.network.ip-address}",
        "--server", terms.server,
        "--redis", terms.redis,
        "--namespace", namespace,
        "--version", version,
        "--replica", "${NOMAD_ALLOC_INDEX}",
        "--work", "${NOMAD_TASK_DIR}",
        "--patience", str(GRACE_S),
        *(["--secrets"] if spec.secrets else []),
    ]  # fmt: skip
    if terms.driver != "docker":
        return {"command": terms.command, "args": ["-m", "fnq_worker", *arguments]}
    return {
        **(own.start(terms, image) if image else {"image": terms.image}),
        "args": arguments,
        # Nothing is listened at: this is for addresses on the node's own loopback.
        "network_mode": "host",
        # As process 1 the worker would have to reap whatever user code leaves behind.
        "init": True,
    }


def _resources(terms: Terms, asked: spec_pb2.Resources) -> Resources:
    """Return what the function asks for, in the node's megahertz; both are rounded up."""
    wanted_mb = -(-asked.memory_bytes // (1 << 20)) or terms.memory_mb
    wanted_mhz = -(-asked.cpu_millis * terms.core_mhz // 1_000) or terms.cpu_mhz
    return Resources(CPU=wanted_mhz, MemoryMB=max(_LEAST_MB, wanted_mb))
