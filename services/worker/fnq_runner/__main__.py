"""Start the zygote: `python -m fnq_runner --zygote PATH|FD`."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Variables that no process with user code in it may have, whoever started it.
_CREDENTIALS = (
    "CONSUL_HTTP_AUTH",
    "CONSUL_HTTP_TOKEN",
    "FNQ_REGISTRY_PASSWORD",
    "FNQ_REGISTRY_USER",
    "FNQ_TOKEN",
    "NOMAD_TOKEN",
    "REDIS_PASSWORD",
    "REDIS_URL",
    "VAULT_TOKEN",
)
#: Imported before any fork, so that no runner has to.
_NEEDED = ("fnq_runner.runner", "fnq_runner.zygote", "fnq_wire.arrow")
#: Imported as soon as there is time: few functions need it, and it takes longer than all else.
_HEAVY = ("pyarrow",)


def main(argv: list[str]) -> int:
    """Fork runners for agents until SIGTERM, or until the agent at FD has gone."""
    options = _parser().parse_args(argv)
    where: str = options.zygote
    _drop_credentials(os.environ, where)
    _preload(_NEEDED)
    from fnq_runner.child import set_name
    from fnq_runner.zygote import Zygote, listen

    set_name("fnq-zygote")
    here = os.getcwd() if options.here else ""
    if where.isdecimal():
        agent = socket.socket(fileno=int(where))
        Zygote(listener=None, agent=agent, prepare=_prepare, folder=here).serve()
        return 0
    path = Path(where)
    # From the moment that the socket is there, SIGTERM is an orderly end.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        with listen(path) as listener:
            zygote = Zygote(listener=listener, agent=None, prepare=_prepare, folder=here)
            if options.tied:
                zygote.tie(sys.stdin.fileno(), os.path.dirname(os.path.abspath(where)))
            zygote.serve()
    finally:
        path.unlink(missing_ok=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fnq_runner", description=__doc__)
    parser.add_argument(
        "--zygote",
        required=True,
        metavar="PATH|FD",
        help="path of the Unix socket to listen on, or number of an inherited connection",
    )
    parser.add_argument(
        "--tied",
        action="store_true",
        help="end when the standard input does, or the directory of the socket is gone",
    )
    parser.add_argument(
        "--here", action="store_true", help="start runners in this directory, not in their own"
    )
    return parser


def _drop_credentials(environment: Mapping[str, str], where: str) -> None:
    """Begin again without credentials: taken out later, /proc would still show them."""
    if any(name in environment for name in _CREDENTIALS):
        if where.isdecimal():
            os.set_inheritable(int(where), True)
        kept = {name: value for name, value in environment.items() if name not in _CREDENTIALS}
        os.execve(sys.executable, sys.orig_argv, kept)  # noqa: S606 - this very program


def _prepare() -> None:
    """Import what a runner may need later."""
    _preload(_HEAVY)


def _preload(modules: Sequence[str]) -> None:
    """Import modules, and keep the collector from touching them after a fork."""
    for name in modules:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
