"""`fnq calls`: which calls are in flight, how one of them stands or ended, and its end."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalkcompute.cli import logs
from chalkcompute.cli.asking import running_server
from chalkcompute.cli.table import render

if TYPE_CHECKING:
    from fnq.v1 import calls_pb2

__all__ = ["add"]

_HEAD = ("CALL", "FUNCTION", "STATE", "QUEUED", "STARTED", "ATTEMPT", "WORKER", "TAGS")
_LIMIT = 100
_STATES = ("queued", "running", "retrying")
#: Lines of a call's log.
_TAIL = 1_000


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calls",
        help="show calls in flight, and what holds one; cancel one",
        description="Show calls that are in flight, how one of them stands or ended, or cancel it.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="calls in flight, oldest first")
    listing.add_argument("function", nargs="?", default="", metavar="FUNCTION")
    listing.add_argument("--state", default="", choices=_STATES, help="only those in this state")
    listing.add_argument(
        "--limit", type=logs.count, default=_LIMIT, metavar="N", help=f"at most so many ({_LIMIT})"
    )
    listing.set_defaults(run=_list)
    _verb(verbs, "show", "all that is known of one call, in flight or kept", _show)
    _verb(verbs, "why", "the one thing that holds a call now", _why)
    _verb(verbs, "logs", "what a call printed", _logs)
    _verb(verbs, "cancel", "end a call for all who wait for it, and stop its run", _cancel)
    for each in (listing, verbs.choices["show"]):
        each.add_argument("--json", action="store_true", help="print JSON")


def _verb(verbs: Any, name: str, words: str, run: Any) -> None:
    parser = verbs.add_parser(name, help=words)
    parser.add_argument("call", type=_call, metavar="ID", help="id of the call")
    parser.set_defaults(run=run)


def _call(text: str) -> bytes:
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected the id of a call, not {text!r}") from None


def _list(options: argparse.Namespace) -> int:
    with running_server() as server:
        reply = server.calls(options.function, options.state, options.limit)
    if options.json:
        print(json.dumps([_dict(each) for each in reply.calls]))
        return 0
    if reply.calls:
        print(render(_HEAD, [_row(each) for each in reply.calls]))
    if reply.more:
        print(f"... and more than these {len(reply.calls)}: see --limit")
    return 0


def _show(options: argparse.Namespace) -> int:
    facts = _dict(_ask(options))
    if options.json:
        print(json.dumps(facts))
        return 0
    width = max(map(len, facts))
    for name, value in facts.items():
        if value not in (None, "", {}):
            print(f"{name.ljust(width)}  {value}")
    return 0


def _why(options: argparse.Namespace) -> int:
    print(_ask(options).why)
    return 0


def _logs(options: argparse.Namespace) -> int:
    with running_server() as server:
        for line in server.logs(function="", call=options.call.hex(), tail=_TAIL, follow=False):
            print(logs.text(line))
    return 0


def _cancel(options: argparse.Namespace) -> int:
    with running_server() as server:
        done = server.cancel(options.call)
    if done:
        print("cancelled")
    else:
        print("it had ended before; `fnq calls show` says how", file=sys.stderr)
    return 0 if done else 1


def _ask(options: argparse.Namespace) -> calls_pb2.CallFacts:
    with running_server() as server:
        return server.call(options.call)


def _dict(facts: calls_pb2.CallFacts) -> dict[str, Any]:
    """Return what is known of a call, in the form of `--json`: times in seconds since 1970.

    Of a call that ended there is no `started`, since only its end is kept.
    """
    works = bool(facts.pid)
    return {
        "call": str(uuid.UUID(bytes=facts.call)),
        "function": facts.function,
        "version": facts.version,
        "number": facts.number,
        "state": facts.state,
        "queued": facts.queued_ms / 1000,
        "started": facts.started_ms / 1000 if facts.started_ms else None,
        "ended": facts.ended_ms / 1000 if facts.ended_ms else None,
        "error": facts.error,
        "attempt": facts.attempt,
        "deaths": facts.deaths,
        "replica": facts.replica if works else None,
        "pid": facts.pid or None,
        "depth": facts.depth,
        "rows": facts.rows,
        "parent": str(uuid.UUID(bytes=facts.parent)) if facts.parent else None,
        "detached": facts.detached,
        "tags": dict(facts.tags),
        "why": facts.why,
    }


def _row(facts: calls_pb2.CallFacts) -> tuple[str, ...]:
    return (
        str(uuid.UUID(bytes=facts.call)),
        facts.function,
        facts.state,
        _time(facts.queued_ms),
        _time(facts.started_ms),
        str(facts.attempt or ""),
        str(facts.replica) if facts.pid else "",
        ", ".join(f"{key}={value}" for key, value in sorted(facts.tags.items())),
    )


def _time(ms: int) -> str:
    # As on the wall.
    return datetime.fromtimestamp(ms / 1000).strftime("%H:%M:%S") if ms else ""  # noqa: DTZ006
