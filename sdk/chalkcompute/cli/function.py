"""`fnq function`: what is deployed, its versions, a way back, and an end."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalkcompute.cli import scale
from chalkcompute.cli.asking import running_server
from chalkcompute.cli.difference import arguments
from chalkcompute.cli.table import render
from fnq_wire.gpu import asks
from fnq_wire.heading import heading

if TYPE_CHECKING:
    from fnq.v1 import functions_pb2, spec_pb2

__all__ = ["add"]

_FUNCTION = ("FUNCTION", "NUMBER", "VERSION", "STATE", "KIND", "QUEUED", "RUNNING", "WORKERS")
_VERSION = ("NUMBER", "VERSION", "CREATED", "STATE", "QUEUED", "RUNNING", "WORKERS", "WHY")
#: Characters of a version id that people need.
_SHORT = 12


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "function",
        help="list functions, show and change their versions, delete them",
        description="List the functions that are deployed, show and change their versions, "
        "delete them.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="all functions")
    listing.set_defaults(run=_list)
    showing = _verb(verbs, "show", "one function: its signature, settings and versions", _show)
    versions = _verb(verbs, "versions", "the versions of a function, the newest first", _versions)
    rollback = _verb(verbs, "rollback", "make an earlier version current, at once", _rollback)
    rollback.add_argument("number", type=int, metavar="NUMBER", help="of the version")
    scale.add(verbs)
    deleting = _verb(verbs, "delete", "take a function away: calls that wait end", _delete)
    deleting.add_argument("--yes", action="store_true", help="do not ask")
    for each in (listing, showing, versions):
        each.add_argument("--json", action="store_true", help="print JSON")


def _verb(verbs: Any, name: str, words: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=words)
    parser.add_argument("function", metavar="FUNCTION")
    parser.set_defaults(run=run)
    return parser


def _list(options: argparse.Namespace) -> int:
    with running_server() as server:
        found = server.functions()
    if options.json:
        print(json.dumps([_function_dict(each) for each in found]))
    elif found:
        print(render(_FUNCTION, [_function_row(each) for each in found]))
    return 0


def _versions(options: argparse.Namespace) -> int:
    with running_server() as server:
        found = server.versions(options.function)
    if options.json:
        print(json.dumps([_dict(each) for each in found]))
    else:
        print(render(_VERSION, [_row(each) for each in found]))
    return 0


def _show(options: argparse.Namespace) -> int:
    """Show the current version, or the newest where none is, and then all."""
    with running_server() as server:
        found = server.versions(options.function)
        shown = next((each for each in found if each.state == "current"), found[0])
        facts = {name: text for name, text in _settings(shown.spec).items() if text}
        if shown.state == "current":
            facts["replicas"] = scale.bounds(server.scaling(options.function))
    if options.json:
        versions = [_dict(each) for each in found]
        print(json.dumps({"function": options.function, **facts, "versions": versions}))
        return 0
    width = max(len(name) for name in facts)
    for name, text in facts.items():
        print(f"{name.ljust(width)}  {text}")
    print()
    print(render(_VERSION, [_row(each) for each in found]))
    return 0


def _rollback(options: argparse.Namespace) -> int:
    with running_server() as server:
        now = server.roll_back(options.function, options.number)
    print(f"{options.function}: version {now.number} is current")
    return 0


def _delete(options: argparse.Namespace) -> int:
    if not options.yes and not _agreed(options.function):
        return 1
    with running_server() as server:
        done = server.delete_function(options.function)
    print(f"{options.function}: deleted; versions: {done.versions}, calls that ended: {done.ended}")
    return 0


def _agreed(function: str) -> bool:
    """Ask on a terminal; elsewhere refuse, and say what to do."""
    if not sys.stdin.isatty():
        raise ValueError(f"nobody is there to be asked whether {function} goes: say --yes")
    sys.stdout.write(f"delete {function} with all its versions? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _settings(spec: spec_pb2.FunctionSpec) -> dict[str, str]:
    """Return what was asked for, in words; "" where nothing was."""
    resources = spec.resources
    return {
        "signature": heading(spec),
        "kind": spec.kind,
        "module": spec.module,
        "python": spec.python,
        "image": "; ".join(" ".join([each.verb, *arguments(each)[:1]]) for each in spec.image),
        "cpu": f"{resources.cpu_millis}m" if resources.cpu_millis else "",
        "memory": f"{resources.memory_bytes} bytes" if resources.memory_bytes else "",
        "gpu": ", ".join(map(str, asks(resources))),
        "replicas": f"{spec.min_replicas} to {spec.max_replicas}",
        "volumes": ", ".join(f"{each.volume} at {each.path}" for each in spec.volumes),
        "secrets": ", ".join(each.name for each in spec.secrets),
        "limit": spec.rate_limit_key,
    }


def _function_dict(function: functions_pb2.FunctionFacts) -> dict[str, Any]:
    return {
        "function": function.name,
        "kind": function.version.spec.kind,
        "versions": function.versions,
        **_dict(function.version),
    }


def _dict(version: functions_pb2.VersionFacts) -> dict[str, Any]:
    return {
        "number": version.number,
        "version": version.id,
        "created": _created(version).isoformat(),
        "state": version.state,
        "queued": version.queued,
        "running": version.running,
        "workers": version.workers,
        "failure": version.failure,
    }


def _created(version: functions_pb2.VersionFacts) -> datetime:
    return datetime.fromtimestamp(version.created_ms / 1000, UTC)


def _function_row(function: functions_pb2.FunctionFacts) -> tuple[str, ...]:
    version = function.version
    return (
        function.name,
        str(version.number),
        version.id[:_SHORT],
        version.state,
        version.spec.kind,
        *_counts(version),
    )


def _row(version: functions_pb2.VersionFacts) -> tuple[str, ...]:
    created = _created(version).astimezone().isoformat(" ", "seconds")
    return (
        str(version.number),
        version.id[:_SHORT],
        created,
        version.state,
        *_counts(version),
        version.failure,
    )


def _counts(version: functions_pb2.VersionFacts) -> tuple[str, ...]:
    return str(version.queued), str(version.running), str(version.workers)
