"""Which secrets are asked for and given, and which cannot be."""

from __future__ import annotations

import pytest

from fnq.v1 import spec_pb2
from fnq_core.secrets import Label
from fnq_server.secrets.needs import (
    MOST_GIVEN,
    MOST_SET,
    given,
    labels,
    problem_of,
    problem_of_setting,
)


def test_a_local_secret_is_its_functions_own() -> None:
    """Others are the namespace's; what is named twice is asked for once."""
    spec = spec_pb2.FunctionSpec(name="f")
    for source, name in (("env", "A"), ("integration", "pg"), ("local_env", "A"), ("env", "A")):
        spec.secrets.add(source=source, name=name)
    assert labels(spec) == [
        Label("env", "A"),
        Label("integration", "pg"),
        Label("local_env", "A", "f"),
    ]


def test_the_later_of_two_variables_with_one_name_counts() -> None:
    """As in `secrets=`."""
    assert given([{"A": "1", "B": "1"}, {"A": "2"}, {}]) == {"A": "2", "B": "1"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"A": "x"}, ""),
        ({"A": "x" * (MOST_GIVEN - 1)}, ""),
        ({"A": "x" * MOST_GIVEN}, f"take {MOST_GIVEN + 1} bytes together"),
        ({"A": "ü" * (MOST_GIVEN // 2)}, f"take {MOST_GIVEN + 1} bytes together"),
        ({"A": "x", "LD_PRELOAD": "x"}, "LD_PRELOAD: PATH, and what begins with"),
        ({"a=b": "x"}, "one is none"),
    ],
)
def test_a_worker_is_given_what_its_environment_can_have(
    variables: dict[str, str], words: str
) -> None:
    """And nothing that says how it runs itself."""
    problem = problem_of(variables)
    assert (words in problem) if words else problem == ""


@pytest.mark.parametrize(
    ("source", "name", "values", "words"),
    [
        ("env", "A", {"A": b"x"}, ""),
        ("integration", "prod.pg-1", {"A": b"x", "B": b"y"}, ""),
        ("integration", "pg", {"A": b"x" * MOST_SET}, f"it takes {MOST_SET + 1} bytes"),
        ("env", "A", {"B": b"x"}, "expected one value, of A"),
        ("env", "A", {"A": b"x", "B": b"x"}, "expected one value, of A"),
        ("env", "A B", {"A B": b"x"}, "expected the name of an environment variable"),
        ("env", "PATH", {"PATH": b"x"}, "PATH, and what begins with"),
        ("local_env", "A", {"A": b"x"}, 'expected "env" or "integration"'),
        ("integration", "a b", {"A": b"x"}, "as its name"),
        ("integration", "pg", {}, "expected at least one variable"),
        ("integration", "pg", {"A": b""}, "the value of A is empty"),
        ("integration", "pg", {"A": b"\0"}, "holds a zero byte"),
        ("integration", "pg", {"A": b"\xff"}, "is no text in UTF-8"),
    ],
)
def test_what_no_worker_could_be_given_cannot_be_set(
    source: str, name: str, values: dict[str, bytes], words: str
) -> None:
    """The sentence says what was expected."""
    problem = problem_of_setting(source, name, values)
    assert (words in problem) if words else problem == ""
