"""`fnq deploy`: deploy the functions of a file without running what it calls."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalkcompute import runtime
from chalkcompute.cli.asking import any_server
from chalkcompute.cli.emission import emitted, write
from chalkcompute.cli.prospect import change, differences, told
from chalkcompute.cli.table import render

if TYPE_CHECKING:
    from fnq.v1 import plans_pb2, spec_pb2

    Planned = tuple[spec_pb2.FunctionSpec, plans_pb2.PlannedVersion]

__all__ = ["add"]

_HEAD = ("FUNCTION", "NUMBER", "VERSION", "CHANGE", "STATE")
#: Characters of a version id that people need.
_SHORT = 12


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "deploy",
        help="deploy the functions of a file, or say what that would change",
        description="Deploy the functions of a script, as running it does; the calls that it "
        "makes, and what stands below `if __name__`, are left out.",
    )
    parser.add_argument("file", metavar="FILE", help="path of a script, or name of a module")
    parser.add_argument(
        "--plan",
        action="store_true",
        help="say what would change, and what would be submitted; change nothing",
    )
    parser.add_argument(
        "--emit",
        type=Path,
        metavar="DIR",
        help="as --plan, and write into DIR what is told and the jobs that would be submitted",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from chalkcompute.rehearsal import rehearse

    # To say so is why this command is there, whatever FNQ_DEPLOY says.
    runtime.configure(addr=options.addr, namespace=options.namespace, deploy="auto")
    play = rehearse(options.file)
    with any_server() as server:
        planned = list(zip(play.specs, server.plan(play.specs), strict=True))
    if options.plan or options.emit:
        _print_plan(planned, as_json=options.json)
        if options.emit:
            files = emitted(planned)
            write(options.emit, files)
            print(f"{len(files)} files in {options.emit}", file=sys.stderr)
        return 0
    numbers = play.deploy()
    if options.json:
        found = [_deployed(each, numbers) for each in planned]
        print(json.dumps({"functions": found}))
    else:
        rows = [
            (spec.name, str(numbers[spec.name]), each.id[:_SHORT], change(each), "current")
            for spec, each in planned
        ]
        print(render(_HEAD, rows))
    return 0


def _deployed(planned: Planned, numbers: dict[str, int]) -> dict[str, Any]:
    spec, version = planned
    return {
        "function": spec.name,
        "number": numbers[spec.name],
        "version": version.id,
        "change": change(version),
        "state": "current",
    }


def _print_plan(planned: list[Planned], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"functions": [_dict(*each) for each in planned]}))
        return
    for spec, version in planned:
        print("\n".join(told(spec, version)))


def _dict(spec: spec_pb2.FunctionSpec, version: plans_pb2.PlannedVersion) -> dict[str, Any]:
    return {
        "function": spec.name,
        "number": version.number,
        "version": version.id,
        "change": change(version),
        "current": version.current_number or None,
        "differences": differences(spec, version),
        "lacks": list(version.lacks),
        "job": version.job,
        "forecast": list(version.forecast),
    }
