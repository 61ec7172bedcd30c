"""The `fnq` command: look at a stack, start it, stop it. One file for each noun."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from chalkcompute.cli import down, logs, status, up

__all__ = ["main"]

#: What a shell expects of a program that Ctrl-C ended.
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 fine, 1 not running or failed, 2 misused."""
    parser = argparse.ArgumentParser(
        prog="fnq",
        description="Look at a stack of fnq. FNQ_ADDR names its server; "
        "without it, the stack on this machine is meant.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the release")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (up, down, status, logs):
        command.add(commands)
    options = parser.parse_args(argv)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`fnq logs | head`): nothing may complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (RuntimeError, ValueError) as problem:
        print(f"fnq: {problem}", file=sys.stderr)
        return 1


class _Version(argparse.Action):
    """Look the release up only when it is asked for: that takes as long as a whole command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"fnq {version('fnq')}")
        except PackageNotFoundError:
            print("fnq, not installed as a package")
        parser.exit()
