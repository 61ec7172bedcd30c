"""The command lines of the processes of a stack."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields

from fnq_local.place import Place

__all__ = ["Programs", "consumer_argv", "server_argv", "worker_argv", "zygote_argv"]


@dataclass(frozen=True, slots=True)
class Programs:
    """The module that each role runs: `main(argv)` in it, `python -m` for the runner."""

    server: str = "fnq_server.__main__"
    consumer: str = "fnq_consumer.__main__"
    worker: str = "fnq_worker.__main__"
    runner: str = "fnq_runner"

    @classmethod
    def parse(cls, pairs: list[str]) -> Programs:
        """Return the programs with `role=module` of each pair put in.

        Raises ValueError for a role that does not exist.
        """
        chosen = dict(pair.split("=", 1) for pair in pairs)
        unknown = chosen.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"no such role: {', '.join(sorted(unknown))}")
        return cls(**chosen)


def server_argv(place: Place) -> list[str]:
    """Return the arguments of the server."""
    return [
        *("--listen", place.address("server")),
        *("--redis", place.redis_url),
        *("--supervisor", place.socket("supervisor")),
        *("--spool", place.spool),
    ]


def consumer_argv(place: Place) -> list[str]:
    """Return the arguments of the consumer."""
    return ["--listen", place.address("consumer"), "--redis", place.redis_url]


def worker_argv(place: Place, namespace: str, version: str, replica: int) -> list[str]:
    """Return the arguments of the agent of one replica."""
    return [
        *("--consumer", place.address("consumer")),
        *("--server", place.address("server")),
        *("--redis", place.redis_url),
        *("--namespace", namespace),
        *("--version", version),
        *("--replica", str(replica)),
        *("--zygote", place.socket("zygote")),
        *("--work", f"{place.work}/{version}"),
    ]


def zygote_argv(place: Place, programs: Programs) -> list[str]:
    """Return the command of the clean parent of all runners."""
    return [sys.executable, "-P", "-m", programs.runner, "--zygote", place.socket("zygote")]
