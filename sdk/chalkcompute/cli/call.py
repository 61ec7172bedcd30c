"""`fnq call`: call what is deployed, by its name; print what comes as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from chalkcompute.cli.asking import MisuseError
from chalkcompute.cli.logs import count

__all__ = ["add"]

#: Stands for standard input.
_STDIN = "-"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "call",
        help="call a deployed function, and print its result as JSON",
        description="Call a deployed function by name, and print its result, or its chunks as "
        "they come, as a line of JSON each. Values that JSON has are themselves, tuples and "
        "arrays of numpy are lists; all else, keys included, is its repr as text.",
    )
    parser.add_argument("name", metavar="NAME", help="the function")
    parser.add_argument(
        "--json",
        default="{}",
        metavar="ARGUMENTS",
        help="an object of arguments by name, or a list of them by place; - reads them from "
        "standard input",
    )
    parser.add_argument("--version", type=count, metavar="N", help="that version (the current one)")
    parser.add_argument(
        "--timeout", type=_seconds, metavar="S", help="end the call after so many seconds"
    )
    parser.add_argument(
        "--spawn", action="store_true", help="print the id of the call, and do not wait for it"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from chalkcompute.cli.result import ask
    from chalkcompute.function import RemoteFunction

    args, kwargs = _arguments(sys.stdin.read() if options.json == _STDIN else options.json)
    function = RemoteFunction.from_name(options.name, options.version)
    if options.timeout is not None:
        function = function.options(deadline=options.timeout)
    if options.spawn:
        return ask(function.spawn, args, kwargs, as_json=True)
    return ask(function, args, kwargs, as_json=True)


def _arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    try:
        given = json.loads(text)
    except ValueError as problem:
        raise MisuseError(f"--json: expected JSON: {problem}") from None
    if isinstance(given, dict):
        return [], given
    if isinstance(given, list):
        return given, {}
    raise MisuseError(f"--json: expected an object or a list, not {text.strip()}")


def _seconds(text: str) -> float:
    from chalkcompute.settings import check_seconds

    try:
        seconds = float(text)
        check_seconds("--timeout", seconds)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, not {text!r}") from None
    return seconds
