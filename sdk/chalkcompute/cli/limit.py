"""`fnq limit`: how many calls that name a limit may run at once, and how often they may begin."""

from __future__ import annotations

import argparse
import json
import uuid
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import any_server
from chalkcompute.cli.logs import count
from chalkcompute.cli.table import render
from fnq_wire.policy import Policy, parse_rate

if TYPE_CHECKING:
    from fnq.v1 import limits_pb2

__all__ = ["add"]

_HEAD = ("LIMIT", "CONCURRENCY", "RATE", "BURST", "RUNNING", "WAITING")
#: Calls that wait which are shown to people.
_SHOWN = 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "limit",
        help="set and show rate limits",
        description="Set and show the limits that functions name by rate_limit_key. "
        "One that has no policy limits nothing.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    setting = _verb(verbs, "set", "set a policy, for calls that wait at once", _set)
    setting.add_argument(
        "--max-concurrency", type=count, default=0, metavar="N", help="calls that run at once"
    )
    setting.add_argument(
        "--rate", type=_rate, default=(0.0, 1), help="calls that begin: 10/s, 100/m, 5000/h, 1/d"
    )
    setting.add_argument(
        "--burst", type=count, default=1, metavar="N", help="of them together after a pause (1)"
    )
    listing = verbs.add_parser("list", help="all limits that have a policy")
    listing.set_defaults(run=_list)
    showing = _verb(verbs, "show", "one limit, and the calls that wait for it", _show)
    _verb(verbs, "delete", "delete a policy: nothing is limited any more", _delete)
    for each in (listing, showing):
        each.add_argument("--json", action="store_true", help="print JSON")


def _verb(verbs: Any, name: str, words: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=words)
    parser.add_argument("limit", metavar="KEY", help="what functions name as rate_limit_key")
    parser.set_defaults(run=run)
    return parser


def _rate(text: str) -> tuple[float, int]:
    try:
        return parse_rate(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None


def _set(options: argparse.Namespace) -> int:
    rate, per_s = options.rate
    policy = Policy(options.max_concurrency, rate, per_s, options.burst)
    problem = policy.problem()
    if problem is not None:
        raise ValueError(problem)
    with any_server() as server:
        server.set_limit(options.limit, policy)
    print(f"{options.limit}: {policy}")
    return 0


def _list(options: argparse.Namespace) -> int:
    with any_server() as server:
        found = server.limits("")
    if options.json:
        print(json.dumps([_dict(each) for each in found]))
    elif found:
        print(render(_HEAD, [_row(each) for each in found]))
    return 0


def _show(options: argparse.Namespace) -> int:
    with any_server() as server:
        [found] = server.limits(options.limit)
    calls = [str(uuid.UUID(bytes=each)) for each in found.calls]
    if options.json:
        print(json.dumps({**_dict(found), "calls": calls}))
        return 0
    print(render(_HEAD, [_row(found)]))
    for each in calls[:_SHOWN]:
        print(f"waits: {each}")
    if len(calls) > _SHOWN:
        print(f"... and {len(calls) - _SHOWN} more: see --json")
    return 0


def _delete(options: argparse.Namespace) -> int:
    with any_server() as server:
        server.delete_limit(options.limit)
    print(f"{options.limit}: deleted, nothing is limited by it any more")
    return 0


def _policy(state: limits_pb2.LimitState) -> Policy:
    given = state.policy
    return Policy(given.max_concurrency, given.rate, given.per_s, given.burst)


def _dict(state: limits_pb2.LimitState) -> dict[str, Any]:
    policy = _policy(state)
    return {
        "limit": state.limit,
        "max_concurrency": policy.max_concurrency or None,
        "rate": policy.rate_text or None,
        "burst": policy.burst,
        "running": state.held,
        "waiting": state.waiting,
    }


def _row(state: limits_pb2.LimitState) -> tuple[str, ...]:
    policy = _policy(state)
    return (
        state.limit,
        str(policy.max_concurrency or ""),
        policy.rate_text,
        str(policy.burst) if policy.rate else "",
        str(state.held),
        str(state.waiting),
    )
