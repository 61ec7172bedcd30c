"""What Nomad 2.0.5 said, as it said it; fields that nobody reads are left out."""

from __future__ import annotations

from typing import Any

__all__ = ["allocation", "blocked", "event", "job", "node", "occupying", "resources"]


def event(
    kind: str, message: str = "", /, *, at_s: float = 1_000.0, **details: str
) -> dict[str, Any]:
    """Return an event of a task."""
    return {"Type": kind, "DisplayMessage": message, "Details": details, "Time": int(at_s * 1e9)}


RECEIVED = event("Received", "Task received by client")
SETUP = event("Task Setup", "Building Task Directory", message="Building Task Directory")
STARTED = event("Started", "Task started by client")
EXIT_7 = event("Terminated", "Exit Code: 7", exit_code="7", signal="0", oom_killed="false")
#: What `nomad job restart` and `nomad alloc restart` do first, and what comes of that.
RESTART_SIGNALED = event(
    "Restart Signaled",
    "User requested running tasks to restart",
    restart_reason="User requested running tasks to restart",
)
TERMED = event(
    "Terminated", "Exit Code: 143, Signal: 15", exit_code="143", signal="15", oom_killed="false"
)
KILLED = event(
    "Terminated", "Exit Code: 137, Signal: 9", exit_code="137", signal="9", oom_killed="false"
)
OOM = event(
    "Terminated",
    'OOM Killed, Exit Code: 137, Exit Message: "OOM killed"',
    exit_code="137",
    signal="0",
    oom_killed="true",
)
RESTARTING = event(
    "Restarting", "Task restarting in 1.120869127s", restart_reason="Restart within policy"
)
NOT_RESTARTING = event(
    "Not Restarting",
    'Exceeded allowed attempts 1 in interval 5m0s and mode is "fail"',
    fails_task="true",
)
NO_BINARY = event(
    "Driver Failure",
    "failed to launch command with executor: rpc error: code = Unknown desc = "
    'binary "/nope" could not be found',
)
DOWNLOADING = event("Driver", "Downloading image", image="127.0.0.1:1/nope:1")
NO_IMAGE = event(
    "Driver Failure",
    "Failed to pull `127.0.0.1:1/nope:1`: Error response from daemon: Get "
    '"http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
)
NO_VOLUME = event(
    "Task hook failed", 'volumes: task driver "raw_exec" for "worker" does not support host volumes'
)
NO_VARIABLE = event("Template", "Missing: nomad.var.block(nomad/jobs/nov@default.global)")
NO_SHARED = event("Template", "Missing: nomad.var.block(nomad/jobs@default.global)")
NO_KEY = event(
    "Killing",
    'Template failed: (dynamic): execute: template: :1: map has no entry for key "HF_TOKEN"',
    fails_task="true",
)


def allocation(
    status: str, *events: dict[str, Any], index: int = 0, created: int = 10, desired: str = "run"
) -> dict[str, Any]:
    """Return an allocation of the job f."""
    return {
        "ID": f"a2145c67-0000-0000-0000-{created:012}",
        "Name": f"fnq-f-abc01234.worker[{index}]",
        "JobID": "fnq-f-abc01234",
        "Namespace": "default",
        "NodeName": "vm",
        "DesiredStatus": desired,
        "DesiredDescription": "alloc not needed due to job update" if desired == "stop" else "",
        "ClientStatus": status,
        "ClientDescription": "Failed tasks" if status == "failed" else "",
        "CreateIndex": created,
        "TaskStates": {"worker": {"Events": list(events)}} if events else None,
    }


def node(**changes: Any) -> dict[str, Any]:
    """Return a node as the list of nodes with resources has it."""
    return {
        "Datacenter": "dc1",
        "Drivers": {
            "docker": {"Detected": True, "Healthy": True, "HealthDescription": "Healthy"},
            "qemu": {"Detected": False, "Healthy": False, "HealthDescription": ""},
            "raw_exec": {"Detected": True, "Healthy": True, "HealthDescription": "Healthy"},
        },
        "ID": "n1",
        "ModifyIndex": 9,
        "Name": "vm",
        "NodePool": "default",
        "NodeResources": {"Cpu": {"CpuShares": 2000}, "Memory": {"MemoryMB": 24105}},
        "ReservedResources": {"Cpu": {"CpuShares": 0}, "Memory": {"MemoryMB": 0}},
        "SchedulingEligibility": "eligible",
        "Status": "ready",
    } | changes


def resources(*cards: tuple[str, int, int], ill: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a node has, with so many cards of a model with MiB each."""
    devices = [
        {
            "Vendor": "nvidia",
            "Type": "gpu",
            "Name": model,
            "Attributes": {
                "memory": {"Bool": None, "Float": None, "Int": memory_mb, "Unit": "MiB"},
            },
            "Instances": [_instance(f"{model}/{number}", ill) for number in range(count)],
        }
        for model, memory_mb, count in cards
    ]
    return {"Cpu": {"CpuShares": 2000}, "Memory": {"MemoryMB": 24105}, "Devices": devices}


def _instance(identity: str, ill: tuple[str, ...]) -> dict[str, Any]:
    fault = "fallen off the bus" if identity in ill else ""
    return {"ID": identity, "Healthy": not fault, "HealthDescription": fault, "Locality": None}


def occupying(*gpus: str, **changes: Any) -> dict[str, Any]:
    """Return the fields of an allocation that holds GPUs of the node n1."""
    device = {"Vendor": "nvidia", "Type": "gpu", "DeviceIDs": list(gpus)}
    tasks = {"worker": {"Devices": [device]}, "side": {"Devices": None}}
    return {
        "Namespace": "default",
        "NodeID": "n1",
        "AllocatedResources": {"Tasks": tasks},
    } | changes


def blocked(created: int = 13, **metric: Any) -> dict[str, Any]:
    """Return an evaluation that waits for room, with what was met when it was last tried."""
    return {
        "CreateIndex": created,
        "SnapshotIndex": created,
        "FailedTGAllocs": {
            "worker": {
                "ConstraintFiltered": None,
                "DimensionExhausted": None,
                "NodePool": "default",
                "NodesAvailable": {"dc1": 1},
                "NodesEvaluated": 1,
                "NodesExhausted": 0,
                "NodesFiltered": 0,
                "NodesInPool": 1,
                "QuotaExhausted": None,
            }
            | metric
        },
        "Status": "blocked",
        "StatusDescription": "created to place remaining allocations",
        "TriggeredBy": "queued-allocs",
    }


def job(
    *, cpu_mhz: int = 100, memory_mb: int = 512, driver: str = "raw_exec", **changes: Any
) -> dict[str, Any]:
    """Return a job as Nomad shows it."""
    task = {"Driver": driver, "Resources": {"CPU": cpu_mhz, "MemoryMB": memory_mb}}
    return {
        "ID": "fnq-f-abc01234",
        "Datacenters": ["*"],
        "JobModifyIndex": 25,
        "Meta": {"fnq.namespace": "default", "fnq.function": "f", "fnq.version": "abc0123456"},
        "NodePool": "default",
        "Status": "running",
        "Stop": False,
        "TaskGroups": [{"Name": "worker", "Count": 1, "Tasks": [task]}],
    } | changes
