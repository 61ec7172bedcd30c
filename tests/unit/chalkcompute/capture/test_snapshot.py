"""Which values are snapshots."""

from __future__ import annotations

import collections
import enum
import re
import types
from dataclasses import dataclass
from typing import Any

import numpy
import pytest

from chalkcompute.capture.handle import function_of, is_handle
from chalkcompute.capture.snapshot import snapshot
from fnq_wire import stable
from fnq_wire.error import DeployError
from fnq_wire.limits import MAX_BUNDLE


class Remote:
    """A handle, by the one attribute that makes it one."""

    __fnq_handle__ = True

    def __init__(self, body: object) -> None:
        self.body = body


class Proxy:
    """Answers to every name, as some libraries' objects do."""

    def __getattr__(self, name: str) -> Any:
        return self


class Color(enum.Enum):
    """A class of the user's."""

    RED = 1


@dataclass
class Point:
    """Another one."""

    x: int = 1


@pytest.mark.parametrize("value", [None, 1, "x", [{"a": (1, 2.5)}], {1, 2}, b"", numpy.arange(3)])
def test_what_the_wire_can_carry_is_a_snapshot(value: object) -> None:
    """It comes back equal, and of its type."""
    data = snapshot("X", value)
    assert data is not None
    back = stable.decode(data)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "value",
    [re, len, print, int, list[int], int | None, re.compile("x"), Remote(1), Proxy(), Color.RED,
     Point(), object(), [object()], collections.OrderedDict(), "".join, types.SimpleNamespace()],
)  # fmt: skip
def test_everything_else_is_left_to_the_other_rules(value: object) -> None:
    """Modules, functions, classes, handles, and objects of classes that the wire does not know."""
    assert snapshot("X", value) is None


def test_a_value_over_the_cap_is_refused_by_name() -> None:
    """Whether it says its size or not."""
    for value in (b"x" * (MAX_BUNDLE + 1), numpy.zeros(MAX_BUNDLE // 8 + 8)):
        with pytest.raises(DeployError, match="the variable 'X' takes 64 MiB"):
            snapshot("X", value)


def test_the_function_behind_wrappers_is_found() -> None:
    """Through handles and functools.wraps, not through what answers to everything."""

    def body() -> None: ...

    wrapper = types.SimpleNamespace(__wrapped__=Remote(body))
    assert function_of(Remote(wrapper)) is body
    assert function_of(Proxy()) is None
    assert function_of(3) is None
    assert is_handle(Remote(1))
    assert not is_handle(Proxy())
