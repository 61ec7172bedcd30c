"""`fnq queue`: how many calls wait, and an end to them."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import running_server
from chalkcompute.cli.table import render

if TYPE_CHECKING:
    from fnq.v1 import calls_pb2

__all__ = ["add"]

_HEAD = ("FUNCTION", "NUMBER", "WAITING", "HELD", "OLDEST", "CAP", "WORKERS")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "queue",
        help="show how many calls wait, or end those that do",
        description="Show how many calls wait for workers, or end those that do.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    stats = verbs.add_parser("stats", help="what waits and runs, by version")
    stats.add_argument("function", nargs="?", default="", metavar="FUNCTION")
    stats.add_argument("--json", action="store_true", help="print JSON")
    stats.set_defaults(run=_stats)
    purge = verbs.add_parser(
        "purge",
        help="end the calls of a function that wait for a worker",
        description="End the calls of a function that wait for a worker: each caller gets "
        "CallCancelledError. What a worker has, or is about to get, goes on.",
    )
    purge.add_argument("function", metavar="FUNCTION")
    purge.set_defaults(run=_purge)


def _stats(options: argparse.Namespace) -> int:
    with running_server() as server:
        queues = server.queues(options.function)
    if options.json:
        print(json.dumps([_dict(each) for each in queues]))
    elif queues:
        print(render(_HEAD, [_row(each) for each in queues]))
    return 0


def _purge(options: argparse.Namespace) -> int:
    with running_server() as server:
        count = server.purge(options.function)
    print(f"{count} {'call' if count == 1 else 'calls'} of {options.function} ended")
    return 0


def _dict(queue: calls_pb2.QueueFacts) -> dict[str, Any]:
    return {
        "function": queue.function,
        "version": queue.version,
        "number": queue.number,
        "waiting": queue.waiting,
        "held": queue.held,
        "oldest_s": queue.oldest_s,
        "cap": queue.cap,
        "workers": queue.workers,
    }


def _row(queue: calls_pb2.QueueFacts) -> tuple[str, ...]:
    return (
        queue.function,
        str(queue.number),
        str(queue.waiting),
        str(queue.held),
        f"{queue.oldest_s:.1f} s" if queue.oldest_s else "",
        str(queue.cap),
        str(queue.workers),
    )
