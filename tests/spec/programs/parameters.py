"""Functions of which each has one argument of the decorator that shows."""

from __future__ import annotations

import os

import chalkcompute
from chalkcompute import RemoteFunction
from chalkcompute.errors import NotFoundError


@chalkcompute.function(name="param-renamed")
def param_original() -> str:
    """Say who this is."""
    return chalkcompute.get_call_context().function


@chalkcompute.function(env={"PARAM_COLOUR": "green", "PATH": "/param"})
def param_env() -> tuple[str | None, str]:
    """Return what was set, and what took the place of a variable that was there."""
    return os.environ.get("PARAM_COLOUR"), os.environ["PATH"]


@chalkcompute.function
def param_bare() -> tuple[str | None, bool]:
    """Return the same of a neighbour that has no such argument."""
    return os.environ.get("PARAM_COLOUR"), os.environ["PATH"] == "/param"


@chalkcompute.function(serialization_format="pyarrow")
def param_arrow(values: list[int]) -> list[int]:
    """Return what came."""
    return values


print("name", param_original(), RemoteFunction.from_name("param-renamed")())
try:
    RemoteFunction.from_name("param_original")()
except NotFoundError:
    print("name of the body not found")
print("env", param_env(), param_bare())
print("format", param_arrow([1, 2]))


def param_pickle() -> None:
    """Be refused."""


try:
    chalkcompute.function(serialization_format="pickle")(param_pickle)
except ValueError as error:
    print(error)
