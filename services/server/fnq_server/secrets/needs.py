"""Which secrets a spec asks for, what they give, and whether that can be given. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fnq_core.secrets import Label
from fnq_wire.variable import RESERVED, is_group, is_reserved, is_variable

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["MOST_GIVEN", "MOST_SET", "given", "labels", "problem_of", "problem_of_setting"]

#: Bytes of names and values: of what is set at once, and of all that one function is given.
#: The kernel hands no program more than the latter in one variable.
MOST_SET, MOST_GIVEN = 64 << 10, 128 << 10


def labels(spec: spec_pb2.FunctionSpec) -> list[Label]:
    """Return what a spec asks for, in its order, each once."""
    asked = [
        Label(each.source, each.name, spec.name if each.source == "local_env" else "")
        for each in spec.secrets
    ]
    return list(dict.fromkeys(asked))


def given(found: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return all variables; where two have one name the later one stays."""
    variables: dict[str, str] = {}
    for each in found:
        variables.update(each)
    return variables


def problem_of(variables: Mapping[str, str]) -> str:
    """Return why a worker cannot be given these; empty where it can."""
    size = _size(variables)
    if size > MOST_GIVEN:
        return f"its secrets take {size} bytes together, and {MOST_GIVEN} are the most"
    return _problem_of_names(variables)


def problem_of_setting(source: str, name: str, values: Mapping[str, bytes]) -> str:
    """Return why a secret or an integration cannot be set so; empty where it can.

    No value is in the sentence.
    """
    if source == "integration":
        if not is_group(name):
            return "expected at most 128 letters, digits, '.', '_' and '-' as its name"
    elif source != "env":
        return f'expected "env" or "integration" as its source, not {source!r}'
    elif not is_variable(name):
        return "expected the name of an environment variable as its name"
    elif set(values) != {name}:
        return f"expected one value, of {name}"
    size = sum(len(each) + len(value) for each, value in values.items())
    if not values:
        return "expected at least one variable"
    if size > MOST_SET:
        return f"it takes {size} bytes, and {MOST_SET} are the most"
    return _problem_of_names(values) or _problem_of_values(values)


def _problem_of_names(names: Iterable[str]) -> str:
    for name in names:
        if not is_variable(name):
            return "expected names of environment variables, and one is none"
        if is_reserved(name):
            return f"{name}: {RESERVED}"
    return ""


def _problem_of_values(values: Mapping[str, bytes]) -> str:
    for name, value in values.items():
        if not value:
            return f"the value of {name} is empty"
        if b"\0" in value:
            return f"the value of {name} holds a zero byte, which no environment can"
        try:
            value.decode()
        except UnicodeDecodeError:
            return f"the value of {name} is no text in UTF-8"
    return ""


def _size(variables: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
