"""`fnq config`: the settings that hold here, and where each comes from."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalkcompute import runtime
from chalkcompute.cli.table import render

if TYPE_CHECKING:
    from chalkcompute.config import Config

__all__ = ["add", "settings", "variables"]

_HEAD = ("SETTING", "VALUE", "ORIGIN")
_SETTINGS = (
    *("addr", "token", "namespace", "log_level", "deploy", "builder", "local_strict"),
    *("tls_ca", "tls_cert", "tls_key", "tls_name"),
)
#: Variables whose usual meaning holds, with what their names begin with.
_VARIABLES = ("CI", "NO_COLOR", "REDIS_URL", "REDIS_PASSWORD")
_FAMILIES = ("CONSUL_CA", "CONSUL_CLIENT_", "CONSUL_HTTP_", "FNQ_", "NOMAD_", "OTEL_")
#: Words in the names of variables whose values are nobody's to see, and what is shown instead.
_SECRET = ("TOKEN", "PASSWORD", "AUTH", "HEADERS", "SECRET", "KEY")
_MASK = "***"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "config",
        help="show the settings that hold here, and where each comes from",
        description="Show the settings that hold here.",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    showing = verbs.add_parser(
        "show",
        help="each setting, its value and its origin",
        description="Show each setting with its value and its origin: an argument, a variable, "
        "a file, or the default. They go before each other in this order.",
    )
    showing.add_argument("--json", action="store_true", help="print one JSON object")
    showing.set_defaults(run=_show)


def _show(options: argparse.Namespace) -> int:
    config = runtime.config()
    known, others = settings(config), variables(os.environ)
    if options.json:
        print(json.dumps({"settings": known, "variables": others}))
        return 0
    rows = [(name, _text(each["value"]), str(each["origin"])) for name, each in known.items()]
    rows += [(name, value, "environment") for name, value in others.items()]
    print(render(_HEAD, rows))
    return 0


def settings(config: Config) -> dict[str, dict[str, str | None]]:
    """Return value and origin of each setting, by name; the token is masked."""
    found: dict[str, dict[str, str | None]] = {}
    for name in _SETTINGS:
        value = getattr(config, name)
        if name == "token" and value:
            value = _MASK
        if isinstance(value, bool):
            value = str(int(value))
        found[name] = {"value": value, "origin": config.origin(name)}
    return found


def variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return other variables that are set and have a say, without what is secret of them."""
    shown = {f"FNQ_{name.upper()}" for name in _SETTINGS}
    return {
        name: _masked(name, value)
        for name, value in sorted(environ.items())
        if value and name not in shown and (name in _VARIABLES or name.startswith(_FAMILIES))
    }


def _masked(name: str, value: str) -> str:
    if any(each in name for each in _SECRET):
        return _MASK
    before, at, after = value.rpartition("@")
    if at and "://" in before:
        # A URL with user and password.
        return f"{before.partition('://')[0]}://{_MASK}@{after}"
    return _MASK if at or "password=" in value else value


def _text(value: str | None) -> str:
    return value or "none"
