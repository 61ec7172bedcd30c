"""Secrets from the environment of whoever deploys."""

from __future__ import annotations

import pytest

from chalkcompute.errors import DeployError
from chalkcompute.localenv import local_secrets
from fnq.v1 import spec_pb2


def spec(function: str, *secrets: tuple[str, str]) -> spec_pb2.FunctionSpec:
    """Return the spec of a function with secrets, by source and name."""
    made = spec_pb2.FunctionSpec(name=function)
    for source, name in secrets:
        made.secrets.add(source=source, name=name)
    return made


def test_what_the_specs_name_is_read_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """As bytes; those that are kept on the server are not looked for here."""
    monkeypatch.setenv("A", "1")
    monkeypatch.setenv("B", "ü")
    specs = [spec("f", ("local_env", "A"), ("env", "B")), spec("g", ("local_env", "A"))]
    assert local_secrets(specs) == {"A": b"1"}
    assert local_secrets([spec("f", ("local_env", "B"))]) == {"B": "ü".encode()}
    assert local_secrets([spec("f", ("env", "C"), ("integration", "pg"))]) == {}


def test_what_is_not_set_is_named_with_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it at once; an empty variable is as good as none."""
    monkeypatch.delenv("A", raising=False)
    monkeypatch.setenv("B", "")
    monkeypatch.setenv("C", "1")
    with pytest.raises(DeployError) as problem:
        local_secrets(
            [spec("f", ("local_env", "C"), ("local_env", "A")), spec("g", ("local_env", "B"))]
        )
    assert problem.value.function == "f"
    told = str(problem.value).split("; ")
    assert told[0].startswith("f: the variable A is not set here")
    assert told[0].endswith("export A=... and run this again")
    assert told[1].startswith("g: the variable B is not set here")
