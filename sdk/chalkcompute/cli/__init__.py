"""The `fnq` command: look at a stack, start it, stop it. One file for each noun."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from chalkcompute.cli import (
    asking,
    call,
    calls,
    cluster,
    config,
    deploy,
    down,
    function,
    gpus,
    integration,
    limit,
    logs,
    queue,
    run,
    secret,
    status,
    up,
    volume,
)

__all__ = ["main"]

#: What a shell expects of a program that Ctrl-C ended.
_INTERRUPTED = 130
#: As argparse has it.
_MISUSED = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 fine, 1 not running or failed, 2 misused."""
    parser = argparse.ArgumentParser(
        prog="fnq",
        description="Deploy functions, and look at a stack of fnq. FNQ_ADDR names its server; "
        "without it, the stack on this machine is meant.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the release")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (
        *(deploy, run, call, function, up, down, status, calls, queue, limit, secret, integration),
        *(volume, gpus, cluster, logs, config),
    ):
        command.add(commands)
    asking.take_settings(parser)
    options = parser.parse_args(argv)
    asking.use_settings(options)
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
        # A traceback from a worker, or the last lines of a build.
        notes: list[str] = getattr(problem, "__notes__", [])
        print("\n".join([f"fnq: {problem}", *notes]), file=sys.stderr)
        return _MISUSED if isinstance(problem, asking.MisuseError) else 1


class _Version(argparse.Action):
    """Look the release up only when it is asked for: that takes as long as a whole command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"fnq {version('fnq')}")
        except PackageNotFoundError:
            print("fnq, not installed as a package")
        parser.exit()
