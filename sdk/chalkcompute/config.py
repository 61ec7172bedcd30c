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

from fnq_wire import address

__all__ = ["Config"]

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LEVELS = ("debug", "info", "warning", "error")
_DEPLOY = ("auto", "never")


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, whole and valid; `origins` says where each came from.

    `addr` is "host:port", "consul://host:port[/service]" or "unix:/path"; None
    stands for the embedded stack on this machine. `deploy` is "auto", or "never" to call
    only what is deployed already.
    """

    addr: str | None = None
    token: str | None = field(default=None, repr=False)
    namespace: str = "default"
    log_level: str = "info"
    deploy: str = "auto"
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        shown = "***" if self.token else None
        return (
            f"Config(addr={self.addr!r}, token={shown!r}, namespace={self.namespace!r}, "
            f"log_level={self.log_level!r}, deploy={self.deploy!r})"
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
        environ: Mapping[str, str] = os.environ,
        cwd: Path | None = None,
    ) -> Config:
        """Return the settings; an argument that is given wins over every other place.

        Raises ValueError that names the setting, its origin and what was expected.
        """
        arguments = {"addr": addr, "token": token, "namespace": namespace}
        arguments |= {"log_level": log_level, "deploy": deploy}
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
        checked = {
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
            raise ValueError(f"settings: expected text for {name!r} in {path}")  # noqa: TRY004
    return dict(items)


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


#: Every setting, and what checks its text and returns it as it is kept.
_CHECKS: dict[str, Callable[[str, str], str]] = {
    "addr": _check_addr,
    "token": _check_token,
    "namespace": _check_namespace,
    "log_level": _one_of(_LEVELS),
    "deploy": _one_of(_DEPLOY),
}
