"""`python -m fnq_server`: takes calls from clients and brings them their results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from fnq_core import observe, service
from fnq_core.settings import add_common, read_token
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.server import Server

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run a server until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="fnq-server", description=__doc__)
    add_common(parser)
    parser.add_argument("--supervisor", metavar="PATH", help="socket of the local supervisor")
    parser.add_argument("--spool", metavar="DIR", help="directory for large values")
    options = parser.parse_args(argv)
    observe.configure("server")
    token = read_token(options.token_file)

    async def make(fatal: Callable[[BaseException], None]) -> service.Service:
        orchestrator = LocalOrchestrator(options.supervisor) if options.supervisor else None
        return Server(options.listen, options.redis, token, options.spool, orchestrator, fatal)

    return service.run(make)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
