"""`python -m fnq_server`: takes calls from clients and brings them their results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from fnq_core import observe, service
from fnq_core.redistls import complete
from fnq_core.settings import add_common, read_tls, read_token
from fnq_server.image.choice import add_builder, chosen
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.secrets.seam import SecretStore
from fnq_server.server import Server
from fnq_server.setup import Setup
from fnq_server.volume.folders import VolumeFolders
from fnq_server.volume.seam import Store

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run a server until it is told to stop; return the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    tls = read_tls(parser, options)
    try:
        orchestrator = _orchestrator(
            options.supervisor, options.workers, options.nomad, options.builder
        )
        make_builder = chosen(options)
    except ValueError as problem:
        parser.error(str(problem))
    observe.configure("server")
    setup = Setup(
        listen=options.listen,
        url=complete(options.redis, tls),
        token=read_token(options.token_file),
        tls=tls,
        spool=options.spool,
        orchestrator=orchestrator,
        volumes=_volumes(options, orchestrator),
        make_builder=make_builder,
        secret_key=options.secret_key,
        secrets=_secrets(orchestrator) if options.workers else None,
    )

    async def make(fatal: Callable[[BaseException], None]) -> service.Service:
        return Server(setup, fatal)

    return service.run(make)


def _parser() -> argparse.ArgumentParser:
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
    parser.add_argument(
        "--volumes", metavar="DIR", help="directory of volumes, on the machine of the workers"
    )
    add_builder(parser)
    parser.add_argument(
        "--secret-key",
        metavar="FILE",
        help="key that secrets are sealed with in Redis; made when the first one is set "
        "(without it, and with --workers, they are kept in Variables of Nomad)",
    )
    return parser


def _volumes(options: argparse.Namespace, orchestrator: Orchestrator | None) -> Store | None:
    """Return the volumes of the nodes of a Nomad, or those on this machine.

    None of the latter may hide what the workers here need.
    """
    if options.workers:
        from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
        from fnq_server.volume.cluster import ClusterVolumes

        assert isinstance(orchestrator, NomadOrchestrator)
        return ClusterVolumes(orchestrator.volumes)
    if options.volumes is None:
        return None
    needed = [sys.prefix, sys.base_prefix, options.supervisor, options.spool, options.environments]
    return VolumeFolders(
        options.volumes,
        [each for each in needed if each],
        contained=options.builder == "docker",
    )


def _secrets(orchestrator: Orchestrator | None) -> SecretStore:
    """Return where the Nomad that has the workers keeps secrets."""
    from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
    from fnq_server.secrets.variables import VariableStore

    assert isinstance(orchestrator, NomadOrchestrator)
    return VariableStore(orchestrator.variables)


def _orchestrator(
    supervisor: str | None, workers: str | None, nomad: str | None, builder: str | None = None
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
        return LocalOrchestrator(supervisor, contained=builder == "docker")
    if not workers:
        return None
    # Not where there is no Nomad: its client takes longer to load than the server.
    from fnq_server.orchestrator.nomad.door import Access
    from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
    from fnq_server.orchestrator.nomad.terms import read

    how = read(workers)
    try:
        access = Access.of(nomad, how.nomad_namespace)
    except ValueError as problem:
        raise ValueError(f"--nomad: {problem}") from problem
    try:
        return NomadOrchestrator(access, how, builds=builder is not None)
    except ValueError as problem:
        raise ValueError(f"--builder: {problem}") from problem


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
