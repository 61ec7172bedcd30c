"""Secrets from the environment of whoever deploys: `Secret.from_local_env`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from chalkcompute.errors import DeployError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["local_secrets"]


def local_secrets(specs: Iterable[spec_pb2.FunctionSpec]) -> dict[str, bytes]:
    """Return what the specs take from this process' environment, as it is now, by name.

    Raises DeployError that names each variable which is not set, or empty, and its function.
    """
    asked: dict[str, str] = {}
    for spec in specs:
        for secret in spec.secrets:
            if secret.source == "local_env":
                asked.setdefault(secret.name, spec.name)
    missing = [name for name in asked if not os.environ.get(name)]
    if missing:
        first = asked[missing[0]]
        lines = "; ".join(
            f"{asked[name]}: the variable {name} is not set here, and Secret.from_local_env("
            f'"{name}") reads it: export {name}=... and run this again'
            for name in missing
        )
        raise DeployError(lines, function=first)
    return {name: os.fsencode(os.environ[name]) for name in asked}
