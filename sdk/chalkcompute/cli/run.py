"""`fnq run`: deploy a file, call one of its functions, print what comes."""

from __future__ import annotations

import argparse
import inspect
import sys
import traceback
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalkcompute import runtime
from chalkcompute.capture.handle import is_handle
from chalkcompute.cli.asking import MisuseError

if TYPE_CHECKING:
    from chalkcompute.rehearsal import Play

__all__ = ["add"]

#: What runs where no function is named.
_ENTRY = "main"
_HELP = frozenset({"--help", "-h"})


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="deploy a file, and call one of its functions",
        description="Deploy a file, call a function of it, and print the result, or chunks as "
        "they come. Without a name `main` runs, or the one remote function that there is. A "
        "function that is not decorated runs here, and those that it calls run remotely.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, a line for each chunk")
    parser.add_argument("target", metavar="FILE[::FUNCTION]", help="a script or module")
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="its arguments: VALUE or --name VALUE, as their annotations say; lists and dicts "
        "as JSON; --help shows them",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from chalkcompute.cli.words import Words
    from chalkcompute.function import RemoteFunction
    from chalkcompute.rehearsal import rehearse

    runtime.configure(addr=options.addr, namespace=options.namespace, deploy="auto")
    file, _, name = options.target.partition("::")
    play = rehearse(file)
    chosen = _choose(play, name)
    is_remote = isinstance(chosen, RemoteFunction)
    body = chosen.body if isinstance(chosen, RemoteFunction) else chosen
    batches = isinstance(chosen, RemoteFunction) and chosen.settings.batches
    words = Words(getattr(chosen, "name", chosen.__name__), body or chosen, batches=batches)
    if _HELP.intersection(options.words):
        print("\n".join(filter(None, (words.usage(), inspect.getdoc(body)))))
        return 0
    args, kwargs = words.bind(options.words)
    play.deploy()
    if is_remote:
        from chalkcompute.cli.result import ask

        return ask(chosen, args, kwargs, as_json=options.json)
    return _run_here(chosen, args, kwargs, as_json=options.json)


def _choose(play: Play, name: str) -> Callable[..., Any]:
    """Return the function to call. Raises MisuseError that names those that there are."""
    remote, here = play.functions, _local(play)
    if name in remote:
        return remote[name]
    if name in here:
        return here[name]
    if not name and (_ENTRY in here or _ENTRY in remote):
        return here.get(_ENTRY) or remote[_ENTRY]
    if not name and len(remote) == 1:
        return next(iter(remote.values()))
    known = ", ".join(sorted({*remote, *here}))
    if name:
        raise MisuseError(f"there is no function {name!r} to run: expected one of {known}")
    raise MisuseError(f"say which one to run, as FILE::FUNCTION: {known}")


def _local(play: Play) -> dict[str, Callable[..., Any]]:
    """Return the functions of the file that run here, and remote ones by the names they have."""
    home = play.namespace.get("__name__")
    return {
        name: each
        for name, each in play.namespace.items()
        if getattr(each, "__module__", None) == home
        and (isinstance(each, types.FunctionType) or is_handle(each))
    }


def _run_here(
    function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], *, as_json: bool
) -> int:
    """Run a function in this process; its errors are told as Python tells them."""
    from chalkcompute.cli.result import show

    try:
        found = function(*args, **kwargs)
        if inspect.iscoroutine(found):
            import asyncio

            found = asyncio.run(found)
        show(found, as_json=as_json)
    except Exception as problem:  # noqa: BLE001 - it is the user's own, whatever it is
        # From the function on: what is above is this command.
        where = problem.__traceback__ and problem.__traceback__.tb_next
        traceback.print_exception(type(problem), problem, where, file=sys.stderr)
        return 1
    return 0
