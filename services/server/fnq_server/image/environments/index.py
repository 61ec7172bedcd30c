"""Where packages come from: what pip is told on this machine, told to uv. Pure but for `read`."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterable, Mapping

__all__ = ["configs", "read", "uv_variables"]

#: What pip calls a setting, and the variable of uv that says the same.
_SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
#: Older names of uv's variables, which stand for the same.
_OLDER = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}
#: Sections of pip's files that count for an installation, the last one most.
_SECTIONS = ("global", "install")


def uv_variables(environ: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return variables that make uv install from where pip would.

    `settings` are those of pip's files. A variable of pip counts more than these, one of
    uv more than both.
    """
    said = dict(settings)
    for name in _SAME:
        variable = f"PIP_{name.replace('-', '_').upper()}"
        if environ.get(variable):
            said[name] = environ[variable]
    found: dict[str, str] = {}
    for name, variable in _SAME.items():
        value = " ".join(said.get(name, "").split())
        if not value or variable in environ or _OLDER.get(variable, "") in environ:
            continue
        # uv separates its places by commas where a path may hold a space.
        found[variable] = value.replace(" ", ",") if name == "find-links" else value
    return found


def configs(environ: Mapping[str, str]) -> list[str]:
    """Return the paths of pip's files that may be there, the one that counts least first."""
    named = environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = environ.get("HOME", "")
    shared = [
        f"{each}/pip/pip.conf" for each in environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
    ]
    own = environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    return [
        *shared,
        "/etc/pip.conf",
        f"{home}/.pip/pip.conf",
        f"{own}/pip/pip.conf",
        os.path.join(sys.prefix, "pip.conf"),
        *([named] if named else []),
    ]


def read(paths: Iterable[str]) -> dict[str, str]:
    """Return the settings in pip's files that count for an installation; a bad file is none."""
    found: dict[str, str] = {}
    for path in paths:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        for section in _SECTIONS:
            if parser.has_section(section):
                found |= {name.replace("_", "-"): each for name, each in parser.items(section)}
    return found
