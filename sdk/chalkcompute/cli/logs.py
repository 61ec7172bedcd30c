"""`fnq logs`: what functions printed."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

from chalkcompute import embedded
from chalkcompute.cli.table import paint
from chalkcompute.config import Config
from chalkcompute.errors import ConnectionLostError, NotReadyError

if TYPE_CHECKING:
    from chalkcompute.cli.server import Server
    from fnq.v1 import control_pb2

__all__ = ["add", "run"]

_TAIL = 100
_ASK_S = 2.0
#: Seconds that a follower bears without a server; a stack mends one within these.
_PATIENCE_S = 10.0
#: Seconds after which a connection counts as one that worked, and between two tries.
_WORKED_S, _PAUSE_S = 1.0, 0.2
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
    parser.add_argument("--call", default="", metavar="ID", help="only this call")
    parser.add_argument(
        "--tail",
        type=_count,
        default=_TAIL,
        metavar="N",
        help=f"last lines to begin with ({_TAIL})",
    )
    parser.set_defaults(run=run)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 32:
        raise argparse.ArgumentTypeError(f"expected a number above 0, not {text!r}")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Print lines; return the exit code."""
    from chalkcompute.cli.server import Server

    config = Config.load()
    if options.follow:
        # Only Ctrl-C ends it: as an exception it could be lost inside a callback of gRPC.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    with Server(config, config.addr or _stack_address()) as server:
        _print_lines(server, options)
    return 0


def _stack_address() -> str:
    answer = embedded.ask(embedded.locate(), "ping", _ASK_S, touch=True)
    if answer is None:
        raise NotReadyError("no stack runs on this machine; `fnq up` starts it, its logs are kept")
    return str(answer["server"])


def _print_lines(server: Server, options: argparse.Namespace) -> None:
    """Print until there are no more; with `follow`, outlive a restart of the server."""
    tail, lost = options.tail, 0.0
    while True:
        began = time.monotonic()
        try:
            lines = server.logs(
                function=options.function, call=options.call, tail=tail, follow=options.follow
            )
            for line in lines:
                print(_text(line), flush=options.follow)
                tail = 1
            return
        except ConnectionLostError:
            now = time.monotonic()
            if now - began > _WORKED_S or not lost:
                lost = now
            if not options.follow or now - lost > _PATIENCE_S:
                raise
            time.sleep(_PAUSE_S)


def _text(line: control_pb2.LogLine) -> str:
    at = datetime.fromtimestamp(line.at_ms / 1000).strftime("%H:%M:%S.%f")[:-3]  # noqa: DTZ006 - as on the wall
    whose = f"{line.function} {line.call.hex()[-8:]}".strip()
    return f"{paint(f'{at} {whose}', 'dim')} {_painted(line)}"


def _painted(line: control_pb2.LogLine) -> str:
    colour = _COLOURS.get(line.source)
    return paint(line.text, colour, sys.stdout) if colour else line.text
