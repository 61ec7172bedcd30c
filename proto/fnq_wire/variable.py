"""Environment variables and groups of them: what may name one, and what may name a secret."""

from __future__ import annotations

import re

__all__ = ["RESERVED", "SECRET_PREFIX", "is_group", "is_reserved", "is_variable"]

#: What stands before the name of a secret in the environment of a worker's agent, which
#: takes it out: whatever a secret is called, it is no setting of the agent.
SECRET_PREFIX = "FNQ_SECRET_"
#: Sentence about `is_reserved`.
RESERVED = (
    "PATH, and what begins with FNQ_, LD_, DYLD_ or PYTHON, cannot be a secret: "
    "it says how a worker itself runs; choose another name"
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_RESERVED = re.compile(r"PATH|(?:FNQ_|LD_|DYLD_|PYTHON).*")


def is_variable(name: object) -> bool:
    """Return whether `name` is text that can name an environment variable everywhere."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_group(name: object) -> bool:
    """Return whether `name` is text that can name a group of variables, an integration."""
    return isinstance(name, str) and _GROUP.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Return whether a variable says how a worker runs, so that no secret may be named so."""
    return _RESERVED.fullmatch(name) is not None
