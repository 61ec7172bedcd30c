"""`fnq status`: what runs, whatever is down."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from chalkcompute import embedded, runtime
from chalkcompute.cli import view
from chalkcompute.cli.table import paint, render
from chalkcompute.cli.view import View

__all__ = ["add", "run"]

_PROCESS = ("ROLE", "PID", "STATE", "FUNCTION", "VERSION", "REPLICA", "BUSY", "ADDRESS", "WHY")
_FUNCTION = (
    *("FUNCTION", "NUMBER", "VERSION", "QUEUED", "RUNNING"),
    *("REPLICAS", "LIMIT", "NOT ACTED ON"),
)
#: Characters of a version id that people need.
_SHORT = 12


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "status",
        help="show processes and functions",
        description="Show the processes and functions of a stack within 2 s, whatever is down.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the status; return the exit code: 1 when nothing runs or a server is away."""
    config = runtime.config()
    if config.addr is not None:
        found = view.of_server(config, config.addr)
    else:
        found = view.of_stack(config, embedded.locate())
    if options.json:
        print(
            json.dumps(
                {
                    "processes": found.processes,
                    "parents": found.parents,
                    "functions": found.functions,
                    "problems": found.problems,
                    **found.facts,
                }
            )
        )
    else:
        _show(found)
    for problem in found.problems:
        print(f"fnq: {problem}", file=sys.stderr)
    return 1 if found.problems else 0


def _show(found: View) -> None:
    processes = [*found.processes, *found.parents]
    if processes:
        print(render(_PROCESS, [_process(entry) for entry in processes]))
    if found.functions:
        print()
        print(render(_FUNCTION, [_function(entry) for entry in found.functions]))
    for name, value in found.facts.items():
        print(paint(f"\n{name.replace('_', ' ')}: {value}", "dim"), end="")
    if found.facts:
        print()


def _process(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        entry["role"],
        _text(entry["pid"]),
        entry["state"],
        entry["function"],
        entry["version"][:_SHORT],
        _text(entry["replica"]),
        _text(entry["busy"]),
        entry["address"],
        entry.get("reason", ""),
    )


def _function(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        entry["name"],
        _text(entry["number"]),
        entry["version"][:_SHORT],
        _text(entry["queued"]),
        _text(entry["running"]),
        _replicas(entry["replicas"]),
        entry["limit"],
        ", ".join(entry["inactive"]),
    )


def _replicas(found: dict[str, int]) -> str:
    """Return how many are ready of how many are wanted, and what the others do."""
    others = [f"{found[each]} {each}" for each in ("starting", "cordoned") if found[each]]
    ready = f"{found['ready']} of {found['wanted']}" if found["wanted"] or others else "0"
    return ", ".join([ready, *others])


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
