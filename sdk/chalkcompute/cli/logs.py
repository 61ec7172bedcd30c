"""`fnq logs`: what functions printed."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from chalkcompute import embedded, runtime
from chalkcompute.cli.follower import follow
from chalkcompute.cli.table import paint
from chalkcompute.errors import NotReadyError

if TYPE_CHECKING:
    from fnq.v1 import control_pb2

__all__ = ["add", "count", "run", "text"]

_TAIL = 100
_ASK_S = 2.0
#: Redis has the logs, in the file that the next stack reads.
_NO_STACK = (
    "no stack runs on this machine, and none can be asked for logs; those of the last day are "
    "shown once `fnq up`, or the next call, has started one"
)
_COLOURS = {"stderr": "yellow", "system": "dim"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "logs",
        help="show what functions printed",
        description="Show what functions printed, oldest line first.",
    )
    parser.add_argument("function", nargs="?", default="", metavar="FUNCTION", help="only this one")
    parser.add_argument("-f", "--follow", action="store_true", help="wait for more until Ctrl-C")
    parser.add_argument(
        "--call", default="", metavar="ID", help="only this call; the last digits do"
    )
    parser.add_argument(
        "--tail",
        type=count,
        default=_TAIL,
        metavar="N",
        help=f"last lines to begin with ({_TAIL})",
    )
    parser.set_defaults(run=run)


def count(text: str) -> int:
    """Return the number that `text` says; argparse's error when it is none above 0."""
    if not text.isdecimal() or not 0 < int(text) < 1 << 32:
        raise argparse.ArgumentTypeError(f"expected a number above 0, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print lines; return the exit code."""
    from chalkcompute.cli.server import Server

    config = runtime.config()

    def connect(tail: int) -> Iterator[control_pb2.LogLine]:
        with Server(config, config.addr or _stack_address()) as server:
            yield from server.logs(
                function=options.function, call=options.call, tail=tail, follow=options.follow
            )

    lines = connect(options.tail)
    if options.follow:
        # Only Ctrl-C ends it: as an exception it could be lost inside a callback of gRPC.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        lines = follow(connect, options.tail)
    for line in lines:
        print(text(line), flush=options.follow)
    return 0


def _stack_address() -> str:
    answer = embedded.ask(embedded.locate(), "ping", _ASK_S, touch=True)
    if answer is None:
        raise NotReadyError(_NO_STACK)
    return str(answer["server"])


def text(line: control_pb2.LogLine) -> str:
    """Return a line as people see it."""
    at = datetime.fromtimestamp(line.at_ms / 1000).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006 - as on the wall
    whose = f"{line.function} {line.call.hex()[-8:]}".strip()
    return f"{paint(f'{at} {whose}', 'dim')} {_painted(line)}"


def _painted(line: control_pb2.LogLine) -> str:
    colour = _COLOURS.get(line.source)
    return paint(line.text, colour, sys.stdout) if colour else line.text
