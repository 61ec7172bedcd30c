"""What is known of a stack at one moment, put together from those who know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalkcompute import embedded
from chalkcompute.errors import FnqError

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from chalkcompute.embedded import Place
    from fnq.v1 import control_pb2, scaling_pb2

__all__ = ["View", "merge", "of_server", "of_stack"]

#: Seconds for the supervisor and for the server; both, and starting Python on a busy
#: machine, stay below 2.
_SUPERVISOR_S = 0.5
_SERVER_S = 0.5
#: Roles that only fork others.
_PARENTS = ("forge", "zygote")
#: Roles that run a function.
_WORKING = ("worker", "runner")


@dataclass(slots=True)
class View:
    """Processes and functions in the form of `fnq status --json`.

    `parents` are processes that only fork others, which do the work. `problems` holds
    one line with the remedy for each thing that is down or did not answer in time.
    """

    processes: list[dict[str, Any]] = field(default_factory=list)
    parents: list[dict[str, Any]] = field(default_factory=list)
    functions: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def of_server(config: Config, address: str) -> View:
    """Return what the server at `address` knows."""
    found = View()
    _ask_server(found, config, address, known=None)
    return found


def of_stack(config: Config, place: Place) -> View:
    """Return what the supervisor knows of its processes, and the server of functions."""
    found = View()
    try:
        answer = embedded.ask(place, "status", _SUPERVISOR_S)
    except FnqError as problem:
        found.problems.append(str(problem))
        return found
    if answer is None:
        found.problems.append(
            f"the stack on this machine has no socket in {place.runtime}: it starts, or ends; "
            "`fnq down` waits for its end"
            if embedded.held(place)
            else "no stack runs on this machine; `fnq up`, or the first call, starts one"
        )
        return found
    for entry in answer["processes"]:
        (found.parents if entry["role"] in _PARENTS else found.processes).append(entry)
    server = next(entry for entry in found.processes if entry["role"] == "server")
    if server["state"] == "running":
        _ask_server(found, config, server["address"], known=found.processes)
    else:
        found.problems.append(f"not up yet: {answer['waiting']}")
    return found


def _ask_server(
    found: View, config: Config, address: str, known: list[dict[str, Any]] | None
) -> None:
    from chalkcompute.cli.server import Server

    try:
        with Server(config, address) as server:
            reply = server.status(_SERVER_S)
    except FnqError as problem:
        found.problems.append(str(problem))
        for entry in known or ():
            if entry["role"] == "server":
                entry["reason"] = "does not answer"
        return
    theirs = [_process(each) for each in reply.processes]
    found.processes = theirs if known is None else merge(known, theirs)
    found.functions = [_function(each) for each in reply.functions]
    if reply.redis_version:
        found.facts = {"redis_version": reply.redis_version, "redis_bytes": reply.redis_bytes}


def merge(known: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the supervisor's processes with what the server knows of them put in.

    The supervisor knows which processes there are, now; the server knows what
    the agents said some seconds ago, and which function a runner belongs to.
    """
    by_pid = {(entry["role"], entry["pid"]): entry for entry in theirs if entry["pid"]}
    merged = []
    for entry in known:
        other = by_pid.get((entry["role"], entry["pid"]))
        if other is not None and entry["role"] in _WORKING:
            told = {name: other[name] for name in ("function", "version", "replica", "busy")}
            state = other["state"] if entry["state"] == "running" else entry["state"]
            merged.append({**entry, **told, "state": state})
        else:
            merged.append(entry)
    return merged


def _process(process: control_pb2.Process) -> dict[str, Any]:
    """Return a Process message as a dict; only those that run a function are ever busy."""
    working = process.role in _WORKING
    return {
        "role": process.role,
        "pid": process.pid or None,
        "address": process.address,
        "function": process.function,
        "version": process.version,
        "replica": process.replica if working else None,
        "busy": process.busy if working else None,
        "state": process.state,
    }


def replicas(scaling: scaling_pb2.ScalingState) -> dict[str, int]:
    """Return how many workers a function has, and between what bounds."""
    found = scaling.replicas
    return {
        "wanted": found.wanted,
        "ready": found.ready,
        "starting": found.starting,
        "cordoned": found.cordoned,
        "min": scaling.min_replicas,
        "max": scaling.max_replicas,
    }


def _function(status: control_pb2.FunctionStatus) -> dict[str, Any]:
    return {
        "name": status.version.spec.name,
        "number": status.version.number,
        "version": status.version.id,
        "kind": status.version.spec.kind,
        "queued": status.queued,
        "running": status.running,
        "limit": status.limit,
        "replicas": replicas(status.scaling),
        "inactive": list(status.inactive),
    }
