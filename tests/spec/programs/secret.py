"""A function with secrets of all kinds that calls one without any."""

from __future__ import annotations

import hashlib
import os
import sys

import chalkcompute
from chalkcompute import Secret

NAMES = ("SPEC_KEY", "SPEC_PGHOST", "SPEC_PGPASSWORD", "SPEC_LOCAL", "SPEC_LEVEL")


@chalkcompute.function(
    env={"SPEC_LEVEL": "of env=", "SPEC_KEY": "of env="},
    secrets=[
        Secret("SPEC_KEY"),
        Secret.from_integration("spec_pg"),
        Secret.from_local_env("SPEC_LOCAL"),
    ],
)
def secret_holder(problem: str = "") -> list[str]:
    """Return hashes of the values, which themselves it keeps, and whose process it is; or fail."""
    if problem:
        raise RuntimeError(problem)
    return [*(hashed(os.environ.get(name, "")) for name in NAMES), str(os.getpid())]


def hashed(value: str) -> str:
    """Return what tells a value from others."""
    return hashlib.sha256(value.encode()).hexdigest()


@chalkcompute.function
def secret_stranger() -> list[str]:
    """Return which of the names are there, in whatever form."""
    return [each for each in os.environ if "SPEC_" in each]


@chalkcompute.function(secrets=[Secret("SPEC_KEY")])
def secret_caller() -> list[str]:
    """Return what a function that it calls finds."""
    return secret_stranger()


if sys.argv[1:] == ["nested"]:
    print(secret_caller())
elif sys.argv[1:] == ["fail"]:
    try:
        secret_holder("broken")
    except RuntimeError as problem:
        print(repr(problem), secret_holder, Secret("SPEC_KEY"))
else:
    print(
        *secret_holder(),
    )
