"""`fnq up`: start the stack on this machine."""

from __future__ import annotations

import argparse

from chalkcompute import embedded, runtime

__all__ = ["add", "run"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "up", help="start the stack on this machine", description="Start the stack on this machine."
    )
    parser.set_defaults(run=run, here=True)


def run(_options: argparse.Namespace) -> int:
    """Start the stack, or find it running; return the exit code."""
    config = runtime.config()
    if config.addr is not None:
        raise ValueError(
            f"the server is {config.addr} ({config.origin('addr')}): "
            "unset it to start a stack on this machine"
        )
    address = embedded.ensure(config)
    place = embedded.locate()
    print(f"up: {address}")
    print(f"state and logs: {place.state}")
    return 0
