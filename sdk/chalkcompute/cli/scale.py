"""`fnq function scale`: how many workers a function may have."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import running_server
from chalkcompute.cli.view import replicas

if TYPE_CHECKING:
    from fnq.v1 import scaling_pb2

__all__ = ["add", "bounds"]


def add(verbs: Any) -> None:
    """Add the verb to those of `fnq function`."""
    parser: argparse.ArgumentParser = verbs.add_parser(
        "scale",
        help="set how many workers a function may have",
        description="Set how many workers a function may have, in place of min_replicas and "
        "max_replicas of its decorator, for its versions to come too. Without options: show it.",
    )
    parser.add_argument("function", metavar="FUNCTION")
    parser.add_argument("--min", type=_count, metavar="N", help="that stay without calls")
    parser.add_argument("--max", type=_count, metavar="N", help="that there are at most")
    parser.add_argument("--reset", action="store_true", help="do as the decorator says again")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_scale)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number from 0 on, not {text!r}")
    return int(text)


def _scale(options: argparse.Namespace) -> int:
    changes = options.reset or options.min is not None or options.max is not None
    with running_server() as server:
        if changes:
            found = server.scale(options.function, options.min, options.max, reset=options.reset)
        else:
            found = server.scaling(options.function)
    if options.json:
        print(json.dumps({"function": options.function, **replicas(found)}))
    else:
        print(f"{options.function}: replicas {bounds(found)}")
    return 0


def bounds(scaling: scaling_pb2.ScalingState) -> str:
    """Return how many workers a function may have, and who says so."""
    least, most = scaling.min_replicas, scaling.max_replicas
    given = [
        name
        for name, is_set in (("min", scaling.min_is_set), ("max", scaling.max_is_set))
        if is_set
    ]
    return f"{least} to {most}" + (f" ({' and '.join(given)} set)" if given else "")
