"""`fnq secret`: variables that functions are given without their values being written down."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import any_server
from chalkcompute.cli.entering import read_value
from chalkcompute.cli.table import render
from fnq_wire.variable import RESERVED, is_reserved, is_variable

if TYPE_CHECKING:
    from fnq.v1 import secrets_pb2

__all__ = ["add", "on_the_wall"]

_SOURCE = "env"
_HEAD = ("SECRET", "SET")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "secret",
        help="set and list secrets",
        description='Set and list what functions name as Secret("NAME"). '
        "A value goes to workers that start from then on, and is never shown.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    setting = verbs.add_parser(
        "set",
        help="set a secret to what standard input says",
        description="Set a secret to what standard input says, but for one newline at its end; "
        "on a terminal the value is asked for.",
    )
    listing = verbs.add_parser("list", help="names, and when they were set")
    listing.add_argument("--json", action="store_true", help="print JSON")
    deleting = verbs.add_parser("delete", help="delete a secret")
    for verb, run in ((setting, _set), (listing, _list), (deleting, _delete)):
        verb.set_defaults(run=run)
    for verb in (setting, deleting):
        verb.add_argument("name", metavar="NAME", help="the variable that functions find it in")


def _set(options: argparse.Namespace) -> int:
    name: str = options.name
    if not is_variable(name):
        # It may be the value: it is not shown.
        raise ValueError("expected the name of an environment variable, not its value")
    if is_reserved(name):
        raise ValueError(f"{name}: {RESERVED}")
    value = read_value(name)
    with any_server() as server:
        server.set_secret(_SOURCE, name, {name: value})
    print(f"{name}: set, for workers that start from now on")
    return 0


def _list(options: argparse.Namespace) -> int:
    with any_server() as server:
        found = server.secrets(_SOURCE)
    if options.json:
        print(json.dumps([_dict(each) for each in found]))
    elif found:
        print(render(_HEAD, [(each.name, on_the_wall(each.set_ms)) for each in found]))
    return 0


def _delete(options: argparse.Namespace) -> int:
    with any_server() as server:
        server.delete_secret(_SOURCE, options.name)
    print(f"{options.name}: deleted; workers that run keep it")
    return 0


def _dict(facts: secrets_pb2.SecretFacts) -> dict[str, Any]:
    return {"secret": facts.name, "set": facts.set_ms / 1000}


def on_the_wall(ms: int) -> str:
    """Return a time as a clock on the wall shows it."""
    return datetime.fromtimestamp(ms / 1000).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006
