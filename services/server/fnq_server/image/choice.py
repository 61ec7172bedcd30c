"""Which builder a server has, as its command line says."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping

from fnq_server.image.seam import Builder, Files

__all__ = ["Make", "add_builder", "chosen"]

#: Makes the builder of a server that can read such files.
Make = Callable[[Files], Builder]


def add_builder(parser: argparse.ArgumentParser) -> None:
    """Add what a server is told about the images of functions."""
    parser.add_argument(
        "--builder",
        choices=sorted(_MAKERS),
        help="what makes the images of functions (default: nothing; they have no effect)",
    )
    parser.add_argument(
        "--environments",
        metavar="DIR",
        help="where --builder environments makes them, on the machine of the workers",
    )
    parser.add_argument(
        "--registry",
        metavar="HOST:PORT/PREFIX",
        help="where --builder docker pushes images (default: they stay where its engine is)",
    )


def chosen(options: argparse.Namespace) -> Make | None:
    """Return what makes the builder; None where images are not built.

    Raises ValueError for options that do not go together.
    """
    if options.registry and options.builder != "docker":
        raise ValueError("--registry is where --builder docker pushes images: say that, too")
    if options.environments and options.builder != "environments":
        raise ValueError("--environments is where --builder environments makes them: say that, too")
    if options.builder == "environments" and options.workers:
        raise ValueError(
            "--builder environments makes them on this machine, and --workers are on others: "
            "--builder docker makes images for them"
        )
    return _MAKERS[options.builder](options) if options.builder else None


def _environments(options: argparse.Namespace) -> Make:
    if not options.environments:
        raise ValueError("--builder environments: say where, with --environments DIR")
    from fnq_server.image.environments.builder import Environments

    return lambda files: Environments(options.environments, files)


def _docker(options: argparse.Namespace) -> Make:
    try:
        # Not where images are built otherwise: the client of an engine is an extra.
        from fnq_server.image.docker.builder import DockerBuilder
        from fnq_server.image.docker.door import DockerDoor
        from fnq_server.image.docker.layer import Layer
        from fnq_server.image.docker.login import Login
    except ImportError as problem:
        raise ValueError(
            f"--builder docker: {problem}; pip install 'fnq[docker]' brings it"
        ) from problem
    registry = options.registry or ""
    login = Login.of(os.environ, registry)
    # On Nomad a container of the image is the worker; a supervisor has the agents outside.
    layer = Layer(agent=bool(options.workers))
    return lambda files: DockerBuilder(files, registry, DockerDoor(login), layer)


#: What makes a builder, by its name.
_MAKERS: Mapping[str, Callable[[argparse.Namespace], Make]] = {
    "docker": _docker,
    "environments": _environments,
}
