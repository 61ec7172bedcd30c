"""How a command comes to the server that it asks, and to the settings that say which."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalkcompute import embedded, runtime
from chalkcompute.errors import NotReadyError

if TYPE_CHECKING:
    from chalkcompute.cli.server import Server

__all__ = ["MisuseError", "any_server", "running_server", "take_settings", "use_settings"]

#: Seconds that the supervisor may take to answer.
_SUPERVISOR_S = 2.0


class MisuseError(ValueError):
    """Say that a command was given what it does not take, and what it does."""


def take_settings(parser: argparse.ArgumentParser) -> None:
    """Let every command below `parser` take --addr and --namespace.

    Not those that are about the stack on this machine, which say so: `here=True`.
    """
    for each in _commands(parser):
        if not each.get_default("here"):
            where = each.add_argument_group(
                "settings", "these take precedence over the environment and files"
            )
            where.add_argument(
                "--addr", metavar="ADDR", help="the server: HOST:PORT, or consul://HOST:PORT"
            )
            where.add_argument("--namespace", metavar="NAME", help="where functions are looked for")


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers that have no verbs of their own."""
    # argparse has no other way to those that it made.
    actions = parser._actions  # noqa: SLF001
    verbs = [each for each in actions if isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001
    if not verbs:
        yield parser
    for each in verbs:
        # One that has two names is there twice.
        for below in dict.fromkeys(each.choices.values()):
            yield from _commands(below)


def use_settings(options: argparse.Namespace) -> None:
    """Have what the command line says go before the environment and the files."""
    given = vars(options)
    runtime.configure(addr=given.get("addr"), namespace=given.get("namespace"))


def running_server() -> Server:
    """Return the server of a stack that runs; NotReadyError where none does on this machine."""
    # Its library takes longer to load than the whole command without it.
    from chalkcompute.cli.server import Server

    config = runtime.config()
    if config.addr is not None:
        return Server(config, config.addr)
    answer = embedded.ask(embedded.locate(), "ping", _SUPERVISOR_S, touch=True)
    if answer is None:
        raise NotReadyError(
            "no stack runs on this machine; `fnq up`, or the first call, starts one"
        )
    return Server(config, str(answer["server"]))


def any_server() -> Server:
    """Return a server; a stack is started on this machine where none runs."""
    from chalkcompute.cli.server import Server

    config = runtime.config()
    return Server(config, config.addr or embedded.ensure(config))
