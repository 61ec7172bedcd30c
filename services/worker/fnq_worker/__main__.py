"""`python -m fnq_worker`: serves the calls of one function version."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from fnq_core import observe, service
from fnq_core.settings import add_redis, peer, read_token
from fnq_worker.agent import Agent, Settings

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run an agent until it is told to stop; return the exit code."""
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
    parser.add_argument("--zygote", metavar="PATH", help="a shared one (default: its own)")
    options = parser.parse_args(argv)
    observe.configure("worker")
    settings = Settings(
        consumer=options.consumer,
        server=options.server,
        redis=options.redis,
        namespace=options.namespace,
        version=options.version,
        replica=options.replica,
        work=options.work,
        zygote=options.zygote,
        token=read_token(options.token_file),
    )

    async def make(fatal: Callable[[BaseException], None]) -> service.Service:
        return Agent(settings, fatal)

    return service.run(make)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
