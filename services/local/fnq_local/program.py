"""The command lines of the processes of a stack."""

from __future__ import annotations

from dataclasses import dataclass, fields

from fnq_local.place import Place
from fnq_wire.error import StackError

__all__ = ["Programs", "builder", "consumer_argv", "server_argv", "worker_argv"]

#: What makes the images of functions; the first where nobody says what.
_BUILDERS = ("environments", "docker")


@dataclass(frozen=True, slots=True)
class Programs:
    """The module that each role runs: `main(argv)` in it, `python -m` for the runner."""

    server: str = "fnq_server.__main__"
    consumer: str = "fnq_consumer.__main__"
    worker: str = "fnq_worker.command"
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


def builder(text: str) -> str:
    """Return what makes images, as FNQ_BUILDER says; empty: the default.

    Raises StackError for what is none.
    """
    if text and text not in _BUILDERS:
        raise StackError(f"FNQ_BUILDER should be {' or '.join(_BUILDERS)}; it is {text!r}")
    return text or _BUILDERS[0]


def server_argv(place: Place, builder: str) -> list[str]:
    """Return the arguments of the server; `builder` is what makes images."""
    where = ("--environments", place.environments) if builder == "environments" else ()
    return [
        *("--builder", builder, *where),
        *("--listen", place.address("server")),
        *("--redis", place.redis_url),
        *("--supervisor", place.socket("supervisor")),
        *("--volumes", place.volumes),
        *("--spool", place.spool),
        *("--secret-key", place.secret_key),
    ]


def consumer_argv(place: Place) -> list[str]:
    """Return the arguments of the consumer."""
    return [
        *("--listen", place.address("consumer")),
        *("--redis", place.redis_url),
        *("--spool", place.spool),
    ]


def worker_argv(place: Place, namespace: str, version: str, replica: int, zygote: str) -> list[str]:
    """Return the arguments of the agent of one replica, whose runners `zygote` forks."""
    return [
        *("--consumer", place.address("consumer")),
        *("--server", place.address("server")),
        *("--redis", place.redis_url),
        *("--namespace", namespace),
        *("--version", version),
        *("--replica", str(replica)),
        *("--zygote", zygote),
        *("--work", f"{place.work}/{version}"),
    ]
