"""Arguments of the decorator that no other file has for its subject."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


def test_name_env_and_format_are_those_that_were_asked_for(stack: Stack) -> None:
    """A function is known by its name alone, and its environment is not its neighbour's."""
    assert lines(stack, "parameters.py") == [
        "name param-renamed param-renamed",
        "name of the body not found",
        "env ('green', '/param') (None, False)",
        "format [1, 2]",
        "serialization_format: expected \"pyarrow\", the only one, not 'pickle'",
    ]
