"""What an operator decides about workers on Nomad: a TOML file, read once, checked whole."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fnq_core import primary
from fnq_server.orchestrator.nomad.bounds import Bounds
from fnq_wire import address

__all__ = ["Terms", "read"]

#: What a worker dials, and how it finds that through Consul.
_DIALLED = {"consumer": "consul", "server": "consul", "redis": "redis+consul"}
_DRIVERS = ("raw_exec", "exec", "docker")
#: Whether TLS is spoken, and who shows a certificate: nobody, what is dialled, or both ends.
_TLS = ("off", "on", "mutual")


@dataclass(frozen=True, slots=True)
class Terms:
    """How the workers of every function are started.

    `command` is an interpreter that has fnq's worker in it, for the drivers raw_exec
    and exec; `image` is for docker. `consul` is HOST:PORT as a worker sees it. What
    a worker dials is found there, unless `consumer`, `server` or `redis` say
    otherwise. Their jobs are in `nomad_namespace`. Megahertz and mebibytes are those
    of a function that asks for none; `core_mhz` is what a node counts for one core.
    `gpus` are names of GPUs, as a function asks for them, and the models that each stands
    for, as `fnq gpus` shows them; `gpu_runtime` is what Docker needs for NVIDIA's, "" for
    nothing. `bounds` are what functions may ask for at most, and `bounds_key` is where in
    Consul's KV there are more of them, "" for nowhere. With `tls` "on" a worker dials with
    TLS, and with "mutual" shows a certificate besides; with `consul_tls` it asks Consul so.
    `registry_login` is whether nodes log in where they fetch the images of functions, with what
    the Nomad variable `nomad/jobs` has as FNQ_REGISTRY_USER and FNQ_REGISTRY_PASSWORD.
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
    gpus: dict[str, list[str]] = field(default_factory=dict)
    gpu_runtime: str = "nvidia"
    core_mhz: int = 1000
    bounds: Bounds = field(default_factory=Bounds)
    bounds_key: str = ""
    tls: str = "off"
    consul_tls: bool = False
    registry_login: bool = False

    def __post_init__(self) -> None:
        """Fill in what follows from `consul`; raise ValueError that names the first bad field."""
        if self.driver not in _DRIVERS:
            raise ValueError(f"driver: expected one of {', '.join(_DRIVERS)}, not {self.driver!r}")
        needed = "image" if self.driver == "docker" else "command"
        if not getattr(self, needed):
            raise ValueError(f"{needed}: the driver {self.driver} needs it")
        if not self.datacenters:
            raise ValueError('datacenters: expected at least one, "*" for all')
        for name, least in (("cpu_mhz", 1), ("memory_mb", 10), ("core_mhz", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, not {getattr(self, name)}")
        if self.tls not in _TLS:
            raise ValueError(f"tls: expected one of {', '.join(_TLS)}, not {self.tls!r}")
        dialled = dict(_DIALLED)
        if self.tls != "off":
            dialled["redis"] = "rediss+consul"
        for name, scheme in dialled.items():
            if not getattr(self, name):
                object.__setattr__(self, name, f"{scheme}://{self.consul}")
        for name, models in self.gpus.items():
            if name != name.lower() or not models:
                raise ValueError(f"gpus: expected a name in lower case with models, not {name!r}")
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
        if "bounds" in given:
            given["bounds"] = Bounds.of(given["bounds"], path)
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
    elif kind == "bool":
        right, expected = isinstance(value, bool), "true or false"
    elif kind == "list[str]":
        right, expected = _are_texts(value), "a list of texts"
    elif kind == "Bounds":
        right, expected = isinstance(value, dict), "a table"
    else:
        right = isinstance(value, dict) and all(map(_are_texts, value.values()))
        expected = "a table with lists of texts"
    if not right:
        raise ValueError(f"{name}: expected {expected}, not {value!r}")


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
