"""`python -m fnq_server`: takes calls from clients and brings them their results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from fnq_core import observe, service
from fnq_core.settings import add_common, read_token
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.server import Server

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run a server until it is told to stop; return the exit code."""
    parser = argparse.ArgumentParser(prog="fnq-server", description=__doc__)
    add_common(parser)
    parser.add_argument("--supervisor", metavar="PATH", help="socket of the local supervisor")
    parser.add_argument(
        "--nomad",
        metavar="URL",
        help="where Nomad is, for --workers (default: NOMAD_ADDR, or Nomad on this machine)",
    )
    parser.add_argument("--workers", metavar="FILE", help="TOML: how workers are started on Nomad")
    parser.add_argument("--spool", metavar="DIR", help="directory for large values")
    options = parser.parse_args(argv)
    try:
        orchestrator = _orchestrator(options.supervisor, options.workers, options.nomad)
    except ValueError as problem:
        parser.error(str(problem))
    observe.configure("server")
    token = read_token(options.token_file)

    async def make(fatal: Callable[[BaseException], None]) -> service.Service:
        return Server(options.listen, options.redis, token, options.spool, orchestrator, fatal)

    return service.run(make)


def _orchestrator(
    supervisor: str | None, workers: str | None, nomad: str | None
) -> Orchestrator | None:
    """Return where workers run; None where they are started by hand.

    Raises ValueError for a file or an address that cannot be used. NOMAD_ADDR alone
    asks for nothing: it is set for whoever uses Nomad's own command.
    """
    if nomad and not workers:
        raise ValueError("--nomad: name how workers are started there with --workers FILE")
    if supervisor and workers:
        raise ValueError("--supervisor and --workers are two places for workers: choose one")
    if supervisor:
        return LocalOrchestrator(supervisor)
    if not workers:
        return None
    # Not where there is no Nomad: its client takes longer to load than the server.
    from fnq_server.orchestrator.nomad.door import Access
    from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
    from fnq_server.orchestrator.nomad.terms import read

    how = read(workers)
    try:
        return NomadOrchestrator(Access.of(nomad, how.nomad_namespace), how)
    except ValueError as problem:
        raise ValueError(f"--nomad: {problem}") from problem


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
