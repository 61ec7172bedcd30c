"""Settings of this process: where the server is, and as whom to speak to it.

Each setting is taken from the first place that has it: an argument, the
environment (FNQ_ADDR), `[tool.fnq]` of the nearest pyproject.toml at or above
the working directory, the user's ~/.config/fnq/config.toml, the default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fnq_wire import address

if TYPE_CHECKING:
    from fnq_wire.tls import Tls

__all__ = ["Config"]

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LEVELS = ("debug", "info", "warning", "error")
_DEPLOY = ("auto", "never")
_BUILDERS = ("environments", "docker")
#: Settings that are paths; in a file they are relative to its folder.
_PATHS = ("tls_ca", "tls_cert", "tls_key")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, whole and valid; `origins` says where each came from.

    `addr` is "host:port", "consul://host:port[/service]" or "unix:/path"; None
    stands for the embedded stack on this machine. `deploy` is "auto", or "never" to call
    only what is deployed already. `builder` is what makes images for an embedded stack that
    is started: "environments", or "docker" with a Docker engine on this machine. With
    `local_strict` (FNQ_LOCAL_STRICT=1) the embedded stack refuses what asks for more than
    the machine has. `tls_ca`, `tls_cert` and `tls_key` are paths of files in PEM: with the
    first a server has to speak TLS and to have a certificate of that authority, for the host
    of its address or for `tls_name`; the others are what it is shown.
    """

    addr: str | None = None
    token: str | None = field(default=None, repr=False)
    namespace: str = "default"
    log_level: str = "info"
    deploy: str = "auto"
    builder: str = "environments"
    local_strict: bool = False
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_name: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        shown = "***" if self.token else None
        return (
            f"Config(addr={self.addr!r}, token={shown!r}, namespace={self.namespace!r}, "
            f"log_level={self.log_level!r}, deploy={self.deploy!r}, builder={self.builder!r}, "
            f"local_strict={self.local_strict!r})"
        )

    @property
    def tls(self) -> Tls:
        """What connections are made with. Raises ValueError for a certificate without a key."""
        # It loads gRPC.
        from fnq_wire.tls import Tls

        return Tls(
            ca=self.tls_ca or "",
            certificate=self.tls_cert or "",
            key=self.tls_key or "",
            name=self.tls_name or "",
        )

    def origin(self, name: str) -> str:
        """Return where a setting came from: "argument", "FNQ_ADDR", a file's path or "default"."""
        return self.origins.get(name, "default")

    @classmethod
    def load(
        cls,
        *,
        addr: str | None = None,
        token: str | None = None,
        namespace: str | None = None,
        log_level: str | None = None,
        deploy: str | None = None,
        builder: str | None = None,
        local_strict: str | None = None,
        environ: Mapping[str, str] = os.environ,
        cwd: Path | None = None,
    ) -> Config:
        """Return the settings; an argument that is given wins over every other place.

        What is of TLS is in the environment and in files only.

        Raises ValueError that names the setting, its origin and what was expected.
        """
        arguments = {"addr": addr, "token": token, "namespace": namespace}
        arguments |= {"log_level": log_level, "deploy": deploy, "builder": builder}
        arguments |= {"local_strict": local_strict}
        files = [path for path in (_pyproject(cwd), _user_file(environ)) if path is not None]
        places = [
            ({name: value for name, value in arguments.items() if value is not None}, "argument"),
            (_environment(environ), "environment"),
            *((_table(path), str(path)) for path in files),
        ]
        values: dict[str, str] = {}
        origins: dict[str, str] = {}
        for found, place in places:
            for name in found.keys() - values.keys():
                values[name] = found[name]
                origins[name] = f"FNQ_{name.upper()}" if place == "environment" else place
        checked: dict[str, Any] = {
            name: _CHECKS[name](text, f"{name} (from {origins[name]})")
            for name, text in values.items()
        }
        return cls(**checked, origins=origins)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment sets; an empty variable sets nothing."""
    found = {name: environ.get(f"FNQ_{name.upper()}", "") for name in _CHECKS}
    return {name: value for name, value in found.items() if value}


def _pyproject(folder: Path | None) -> Path | None:
    """Return the nearest pyproject.toml at or above `folder`, or the working directory."""
    try:
        folder = folder or Path.cwd()
    except FileNotFoundError:
        # The working directory was deleted: there is nothing above it either.
        return None
    for each in (folder, *folder.parents):
        path = each / "pyproject.toml"
        if path.is_file():
            return path
    return None


def _user_file(environ: Mapping[str, str]) -> Path | None:
    base, home = environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", "")
    if not base and not home:
        return None
    path = (Path(base) if base else Path(home) / ".config") / "fnq" / "config.toml"
    return path if path.is_file() else None


def _table(path: Path) -> dict[str, str]:
    """Return the settings in a file: `[tool.fnq]` of a pyproject.toml, else its top level."""
    import tomllib

    try:
        table = tomllib.loads(path.read_text("utf-8"))
        if path.name == "pyproject.toml":
            table = table.get("tool", {}).get("fnq", {})
        items = table.items()
    except (OSError, ValueError, AttributeError) as problem:
        raise ValueError(f"settings: cannot read {path}: {problem}") from problem
    for name, value in items:
        if name not in _CHECKS:
            raise ValueError(f"settings: unknown {name!r} in {path}: expected {', '.join(_CHECKS)}")
        if not isinstance(value, str):
            # A ValueError, as for every other bad line of a file; what came may be a token.
            raise ValueError(  # noqa: TRY004
                f"settings: expected text in quotes for {name!r} in {path}"
            )
    return {
        name: str(path.parent / os.path.expanduser(value)) if name in _PATHS else value
        for name, value in items
    }


def _check_addr(value: str, what: str) -> str:
    try:
        return address.check(value)
    except ValueError as problem:
        raise ValueError(
            f"{what}: {problem}; unset it for the embedded stack on this machine"
        ) from None


def _check_token(value: str, what: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(f"{what}: expected printable ASCII without spaces")
    return value


def _check_namespace(value: str, what: str) -> str:
    if not _NAMESPACE.fullmatch(value):
        raise ValueError(
            f"{what}: expected at most 63 of a-z, 0-9, '_' and '-', "
            f"beginning with a letter or digit, not {value!r}"
        )
    return value


def _one_of(choices: tuple[str, ...]) -> Callable[[str, str], str]:
    def check(value: str, what: str) -> str:
        if value.lower() not in choices:
            raise ValueError(f"{what}: expected one of {', '.join(choices)}, not {value!r}")
        return value.lower()

    return check


def _check_path(value: str, what: str) -> str:
    # The process may go to another directory.
    return os.path.abspath(os.path.expanduser(value))


def _check_host(value: str, what: str) -> str:
    if not value.isascii() or not value.isprintable() or set(value) & set(" :/"):
        raise ValueError(f"{what}: expected a name as a certificate has it, not {value!r}")
    return value


def _flag(value: str, what: str) -> bool:
    return _one_of(("0", "1"))(value, what) == "1"


#: Every setting, and what checks its text and returns it as it is kept.
_CHECKS: dict[str, Callable[[str, str], str | bool]] = {
    "addr": _check_addr,
    "token": _check_token,
    "namespace": _check_namespace,
    "log_level": _one_of(_LEVELS),
    "deploy": _one_of(_DEPLOY),
    "builder": _one_of(_BUILDERS),
    "local_strict": _flag,
    "tls_ca": _check_path,
    "tls_cert": _check_path,
    "tls_key": _check_path,
    "tls_name": _check_host,
}
