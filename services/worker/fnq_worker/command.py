"""The command line of a worker, and its agent, which runs until it is told to stop."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence

from fnq_core import observe, service
from fnq_core.redistls import complete
from fnq_core.settings import add_redis, peer, read_tls, read_token
from fnq_wire.variable import SECRET_PREFIX
from fnq_worker.agent import Agent, Settings
from fnq_worker.begun import Begun

__all__ = ["main"]

#: Nomad sets it in a task that it holds to its memory.
_LIMIT = "NOMAD_MEMORY_LIMIT"


def main(argv: Sequence[str], own: Begun | None = None) -> int:
    """Run an agent until it is told to stop; return the exit code.

    `own` is a zygote of its own that was begun already.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    tls = read_tls(parser, options)
    observe.configure("worker")
    settings = Settings(
        consumer=options.consumer,
        server=options.server,
        redis=complete(options.redis, tls),
        namespace=options.namespace,
        version=options.version,
        replica=options.replica,
        work=options.work,
        zygote=options.zygote,
        starter=options.starter,
        cgroups=tuple(options.cgroup),
        confined=_LIMIT in os.environ,
        secrets={name: _take(SECRET_PREFIX + name) for name in _secrets(options)},
        mounts=options.mount,
        cwd=options.cwd,
        token=read_token(options.token_file),
        tls=tls,
        host=options.host,
        patience_s=options.patience,
    )

    async def make(fatal: Callable[[BaseException], None]) -> service.Service:
        return Agent(settings, fatal, own)

    return service.run(make)


def _secrets(options: argparse.Namespace) -> Sequence[str]:
    """Return the names of the variables that the user's code gets."""
    names: Sequence[str] = options.secret
    if not options.secrets:
        return names
    found = [each.removeprefix(SECRET_PREFIX) for each in os.environ if _is_secret(each)]
    return sorted({*names, *found})


def _is_secret(variable: str) -> bool:
    return variable.startswith(SECRET_PREFIX) and variable != SECRET_PREFIX


def _take(variable: str) -> str:
    """Return the value of a variable, which nothing that is started from here finds any more.

    Raises SystemExit with what is wrong where there is none.
    """
    value = os.environ.pop(variable, None)
    if value is None:
        raise SystemExit(f"--secret: {variable} is not set")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fnq-worker", description=__doc__)
    add_redis(parser)
    parser.add_argument(
        "--consumer",
        required=True,
        type=peer,
        metavar="ADDR",
        help="host:port, unix:/path or consul://host:port[/service]",
    )
    parser.add_argument(
        "--server", required=True, type=peer, metavar="ADDR", help="likewise; for nested calls"
    )
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--version", required=True, metavar="ID")
    parser.add_argument("--replica", type=int, default=0)
    parser.add_argument("--work", required=True, metavar="DIR", help="for unpacked bundles")
    _add_surroundings(parser)
    parser.add_argument(
        "--host",
        default="",
        metavar="ADDRESS",
        help="of its node, as Consul has it: a consumer that is there goes before others",
    )
    parser.add_argument("--zygote", metavar="PATH", help="a shared one (default: its own)")
    parser.add_argument(
        "--starter",
        metavar="FILE",
        help="Python that begins its own zygote (default: the module fnq_runner)",
    )
    return parser


def _add_surroundings(parser: argparse.ArgumentParser) -> None:
    """Add what the user's code finds around it, each any number of times."""
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME",
        help=f"a variable that the user's code gets: the value of {SECRET_PREFIX}NAME here",
    )
    parser.add_argument(
        "--secrets",
        action="store_true",
        help=f"each variable {SECRET_PREFIX}NAME that is set here is one for the user's code",
    )
    parser.add_argument(
        "--mount",
        action="append",
        default=[],
        type=_mount,
        metavar="SRC:TARGET:rw|ro",
        help="what the user's code sees at TARGET",
    )
    parser.add_argument(
        "--cwd", metavar="DIR", help="where the user's code starts (default: its bundle)"
    )
    parser.add_argument(
        "--cgroup",
        action="append",
        default=[],
        metavar="PATH",
        help="a control group that the user's code is held to",
    )
    parser.add_argument(
        "--patience",
        type=float,
        metavar="SECONDS",
        help="until it is killed, once it was told to end (default: it never is)",
    )


def _mount(text: str) -> tuple[str, str, str]:
    """Return source, target and mode. A source may have colons, a target has none."""
    source, target, mode = text.rsplit(":", 2)
    if mode not in ("rw", "ro"):
        raise ValueError(mode)
    return source, target, mode
