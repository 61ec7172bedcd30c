"""What may name an environment variable."""

from __future__ import annotations

import pytest

from chalkcompute.variable import is_variable


@pytest.mark.parametrize("name", ["A", "_", "path_2"])
def test_a_name_that_every_shell_takes_is_one(name: str) -> None:
    """Letters, digits and underscores."""
    assert is_variable(name)


@pytest.mark.parametrize("name", ["", "2A", "A B", "A=B", "A\n", "Ä", None, b"A"])
def test_anything_else_is_none(name: object) -> None:
    """Also what only some systems would take, and what is no text."""
    assert not is_variable(name)
