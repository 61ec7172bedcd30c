"""The head of a deployed function, as people write it."""

from __future__ import annotations

import pytest

from fnq.v1 import spec_pb2
from fnq_wire.heading import heading


def _parameter(text: str) -> spec_pb2.Parameter:
    """Read "name kind type"; an exclamation mark after the name: it must be given."""
    name, kind, of = text.split()
    return spec_pb2.Parameter(
        name=name.rstrip("!"), kind=kind, required=name.endswith("!"), type=of
    )


@pytest.mark.parametrize(
    ("parameters", "returns", "expected"),
    [
        ([], "any", "f()"),
        ([], "bool", "f() -> bool"),
        (["a! positional int64", "b positional any"], "", "f(a: int64, b=..., /)"),
        (["a! positional int64", "b either string"], "", "f(a: int64, /, b: string = ...)"),
        (["a! either any", "b! keyword any", "c keyword any"], "", "f(a, *, b, c=...)"),
        (
            ["r var_positional any", "c! keyword double", "m var_keyword any"],
            "",
            "f(*r, c: double, **m)",
        ),
    ],
)
def test_a_head_reads_as_a_def(parameters: list[str], returns: str, expected: str) -> None:
    """With the types that travel, where there are any."""
    spec = spec_pb2.FunctionSpec(name="f", returns=returns)
    spec.parameters.extend(_parameter(each) for each in parameters)
    assert heading(spec) == expected
