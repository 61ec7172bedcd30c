"""What an operator decides about workers on Nomad: a TOML file, read once, checked whole."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fnq_core import primary
from fnq_wire import address

__all__ = ["Terms", "read"]

#: What a worker dials, and how it finds that through Consul.
_DIALLED = {"consumer": "consul", "server": "consul", "redis": "redis+consul"}
_DRIVERS = ("raw_exec", "exec", "docker")


@dataclass(frozen=True, slots=True)
class Terms:
    """How the workers of every function are started.

    `command` is an interpreter that has fnq's worker in it, for the drivers raw_exec
    and exec; `image` is for docker. `consul` is HOST:PORT as a worker sees it. What
    a worker dials is found there, unless `consumer`, `server` or `redis` say
    otherwise. Their jobs are in `nomad_namespace`. Megahertz and mebibytes are those
    of a function that asks for none.
    """

    driver: str
    command: str = ""
    image: str = ""
    consul: str = "127.0.0.1:8500"
    consumer: str = ""
    server: str = ""
    redis: str = ""
    nomad_namespace: str = "default"
    datacenters: list[str] = field(default_factory=lambda: ["*"])
    node_pool: str = "default"
    cpu_mhz: int = 100
    memory_mb: int = 512

    def __post_init__(self) -> None:
        """Fill in what follows from `consul`; raise ValueError that names the first bad field."""
        if self.driver not in _DRIVERS:
            raise ValueError(f"driver: expected one of {', '.join(_DRIVERS)}, not {self.driver!r}")
        needed = "image" if self.driver == "docker" else "command"
        if not getattr(self, needed):
            raise ValueError(f"{needed}: the driver {self.driver} needs it")
        if not self.datacenters:
            raise ValueError('datacenters: expected at least one, "*" for all')
        for name, least in (("cpu_mhz", 1), ("memory_mb", 10)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, not {getattr(self, name)}")
        for name, scheme in _DIALLED.items():
            if not getattr(self, name):
                object.__setattr__(self, name, f"{scheme}://{self.consul}")
        _check_dialled(self)


def _check_dialled(terms: Terms) -> None:
    """Raise ValueError for what a worker could not dial, or what would show a password."""
    parts = urlsplit(terms.redis)
    if parts.password or "password" in parse_qs(parts.query):
        # Whoever may read jobs can read what a job is started with.
        raise ValueError(
            "redis: leave the password out, and put it into the Nomad variable "
            "nomad/jobs as REDIS_PASSWORD"
        )
    for name, check in (
        ("consumer", address.check),
        ("server", address.check),
        ("redis", primary.parse),
    ):
        try:
            check(getattr(terms, name))
        except ValueError as problem:
            raise ValueError(f"{name}: {problem}") from problem


def read(path: str) -> Terms:
    """Return what the file says. Raises ValueError that names the file, the field and the remedy.

    A field that does not exist is refused: a slip of the pen would be a default.
    """
    try:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        known = {each.name: each for each in dataclasses.fields(Terms)}
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{name}: no such field; there are {', '.join(known)}")
            _check_kind(name, str(known[name].type), value)
        if "driver" not in given:
            raise ValueError(f"driver: expected one of {', '.join(_DRIVERS)}")
        return Terms(**given)
    except OSError as problem:
        raise ValueError(f"{path}: {problem.strerror}") from problem
    except ValueError as problem:  # Also what is not TOML, and not UTF-8.
        raise ValueError(f"{path}: {problem}") from problem


def _check_kind(name: str, kind: str, value: object) -> None:
    """Raise ValueError unless the value is what the annotation of its field says."""
    if kind == "str":
        right, expected = isinstance(value, str), "text"
    elif kind == "int":
        right, expected = type(value) is int, "a whole number"
    else:
        right = isinstance(value, list) and all(isinstance(each, str) for each in value)
        expected = "a list of texts"
    if not right:
        raise ValueError(f"{name}: expected {expected}, not {value!r}")
