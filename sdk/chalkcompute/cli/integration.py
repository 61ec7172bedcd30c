"""`fnq integration`: groups of variables that functions are given together."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import any_server
from chalkcompute.cli.dotenv import parse
from chalkcompute.cli.entering import read_lines
from chalkcompute.cli.secret import on_the_wall
from chalkcompute.cli.table import render
from fnq_wire.variable import is_group

if TYPE_CHECKING:
    from fnq.v1 import secrets_pb2

__all__ = ["add"]

_SOURCE = "integration"
_HEAD = ("INTEGRATION", "SET", "VARIABLES")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "integration",
        help="set and list groups of secrets",
        description='Set and list what functions name as Secret.from_integration("NAME"): '
        "variables that belong together. They go to workers that start from then on.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    setting = verbs.add_parser(
        "set",
        help="set the variables that standard input has, and no others",
        description="Set the variables of an integration to the lines NAME=VALUE of standard "
        "input, in place of all that it had. Empty lines and those that begin with # say "
        'nothing. A value may stand in single quotes, or in double ones with \\n, \\t, \\" and '
        "\\\\; without, it ends with its line.",
    )
    listing = verbs.add_parser("list", help="names, and when they were set")
    showing = verbs.add_parser("show", help="the names of the variables of one")
    deleting = verbs.add_parser("delete", help="delete an integration")
    for verb, run in (
        (setting, _set),
        (listing, _list),
        (showing, _show),
        (deleting, _delete),
    ):
        verb.set_defaults(run=run)
    for verb in (listing, showing):
        verb.add_argument("--json", action="store_true", help="print JSON")
    for verb in (setting, showing, deleting):
        verb.add_argument("name", metavar="NAME", help="what functions call it")


def _set(options: argparse.Namespace) -> int:
    name = _name(options)
    variables = parse(read_lines())
    if not variables:
        raise ValueError("expected lines of NAME=VALUE on standard input, and none came")
    with any_server() as server:
        server.set_secret(
            _SOURCE, name, {each: value.encode() for each, value in variables.items()}
        )
    print(f"{name}: set, {', '.join(variables)}; for workers that start from now on")
    return 0


def _list(options: argparse.Namespace) -> int:
    with any_server() as server:
        found = server.secrets(_SOURCE)
    if options.json:
        print(json.dumps([_dict(each) for each in found]))
    elif found:
        rows = [(each.name, on_the_wall(each.set_ms), ", ".join(each.variables)) for each in found]
        print(render(_HEAD, rows))
    return 0


def _show(options: argparse.Namespace) -> int:
    with any_server() as server:
        [found] = server.secrets(_SOURCE, _name(options))
    print(json.dumps(_dict(found)) if options.json else "\n".join(found.variables))
    return 0


def _delete(options: argparse.Namespace) -> int:
    with any_server() as server:
        server.delete_secret(_SOURCE, options.name)
    print(f"{options.name}: deleted; workers that run keep it")
    return 0


def _name(options: argparse.Namespace) -> str:
    name: str = options.name
    if not is_group(name):
        # It may be a value: it is not shown.
        raise ValueError(
            "expected at most 128 letters, digits, '.', '_' and '-' as the name of an integration"
        )
    return name


def _dict(facts: secrets_pb2.SecretFacts) -> dict[str, Any]:
    return {
        "integration": facts.name,
        "set": facts.set_ms / 1000,
        "variables": list(facts.variables),
    }
